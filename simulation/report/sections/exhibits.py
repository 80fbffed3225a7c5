"""The exhibits of a run: its charts, each with a caption that says what there is to see."""

from dataclasses import dataclass
from statistics import median

from simulation.report.drawings import charts
from simulation.report.drawings.drawing import Drawing, Specification, specify
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections import series
from simulation.report.wording import duration, size


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
        f"The median round takes {duration(median(one.seconds for one in run.rounds))} by the clock. Clients that work "
        "at the same time add up to more than that."
    )
    return (
        exhibit("bytes", "Bytes by round", traffic, charts.pair_by_round(series.traffic(run), "bytes", PAGE)),
        exhibit("seconds", "Seconds by round", seconds, charts.pair_by_round(series.seconds(run), "seconds", PAGE)),
    )


def holdings(run: Run) -> Exhibit:
    """Which classes each client holds."""
    rows, labels = series.holdings(run), series.labels(run)
    if not rows:
        return Exhibit(
            "holdings", "Classes at each client", "The labels of the clients' records were not recorded.", None
        )
    fewest = min(sum(count > 0 for count in client.labels.values()) for client in run.clients.values())
    caption = (
        "The larger the square, or the stronger the cell's colour, the more records; where there is nothing there is "
        "no record. "
        f"Every client holds records of {'all' if fewest == len(labels) else f'at least {fewest} of'} {len(labels)} "
        "classes. Unlike clients are harder to learn from."
    )
    names = [client.name for client in run.clients.values()]
    return exhibit("holdings", "Classes at each client", caption, charts.holdings(rows, names, labels, PAGE))
