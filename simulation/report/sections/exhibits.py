"""The exhibits of a run: its charts, each with a caption that says what there is to see."""

from dataclasses import dataclass
from statistics import median

from simulation.report.drawings import charts, crowd_charts
from simulation.report.drawings.drawing import Drawing, Specification, specify
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections import crowd, series
from simulation.report.wording import duration, number_of, size


@dataclass(frozen=True)
class Exhibit:
    """A chart under a title, with a caption; None where there is nothing to draw, as the caption then says.

    A `wide` one takes the whole width of the page.
    """

    key: str
    title: str
    caption: str
    chart: Specification | None
    wide: bool = False


def exhibit(key: str, title: str, caption: str, drawing: Drawing | None, wide: bool = False) -> Exhibit:
    """An exhibit whose chart is described, for who cannot see it, by its title and caption."""
    chart = specify(drawing, f"{title}. {caption}", PAGE) if drawing is not None else None
    return Exhibit(key, title, caption, chart, wide)


def cost(run: Run) -> tuple[Exhibit, ...]:
    """Bytes and seconds by round."""
    if not run.rounds:
        return ()
    sent, received = (median(getattr(one, key) for one in run.rounds) for key in ("sent_bytes", "received_bytes"))
    traffic = (
        f"What all clients send and are sent. The median round uploads {size(sent)} and downloads {size(received)}."
    )
    seconds = (
        f"The median round takes {duration(median(one.seconds for one in run.rounds))} by the clock, the server's work "
        "included. The clients' own seconds added up leave that out, and count what clients do at the same time for "
        "each of them: they can be less than the clock's or more."
    )
    by_bytes = charts.pair_by_round(series.traffic(run), "bytes", "~s", PAGE)
    by_time = charts.pair_by_round(series.seconds(run), "seconds", ".6~g", PAGE)
    return (
        exhibit("bytes", "Bytes by round", traffic, by_bytes),
        exhibit("seconds", "Seconds by round", seconds, by_time),
    )


def holdings(run: Run) -> tuple[Exhibit, ...]:
    """Which classes each client holds; of many clients also how many records."""
    shown, labels = crowd.drawn(run), series.labels(run)
    rows = series.holdings(shown)
    if not rows:
        nothing = "The labels of the clients' records were not recorded."
        return (Exhibit("holdings", "Classes at each client", nothing, None), *_spread(run))
    fewest = min(sum(count > 0 for count in client.labels.values()) for client in run.clients.values())
    caption = (
        "The larger the square, or the stronger the cell's colour, the more records; where there is nothing there is "
        "no record. "
        f"Every client holds records of {'all' if fewest == len(labels) else f'at least {fewest} of'} {len(labels)} "
        "classes. Unlike clients are harder to learn from."
    )
    if len(shown) < len(run.clients):
        caption += (
            f" Drawn are {len(shown)} of {number_of(len(run.clients), 'client')}, at equal steps from the one with "
            "fewest records, at the top, to the one with most; the table has all."
        )
    drawing = charts.holdings(rows, [client.name for client in shown], labels, PAGE)
    return (exhibit("holdings", "Classes at each client", caption, drawing), *_spread(run))


def _spread(run: Run) -> tuple[Exhibit, ...]:
    if len(run.clients) <= crowd.MANY:
        return ()
    held = [(client.name, float(client.records)) for client in run.clients.values()]
    caption = f"How many clients hold how many records. {crowd.ends(held, _records)}"
    drawing = crowd_charts.spread(crowd.records_spread(run), "records", 1, None, PAGE)
    return (exhibit("records", "Records of the clients", caption, drawing),)


def _records(count: float) -> str:
    return number_of(int(count), "record")
