"""What audits did to a run, in sentences: noise taken away on purpose, records rebuilt, keys worked out."""

from collections.abc import Iterator

from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.wording import number_of, stated

PSNR = "PSNR of the best reconstruction from "
"""How the figure begins that says how like the best rebuilt record is; its end is what that was rebuilt from."""

_KEY = "secret key recovered from "
_MOST_TOLD = 4
_LONGEST = 60


def sentences(run: Run) -> tuple[str, ...]:
    """Whether sabotage was noticed, how like the records are that were rebuilt, and whether the secret key came out.

    Of a run whose audits have not been tried, that.
    """
    found = run.summary.inners("findings")
    if not found and run.completed and run.scenario.inners("audit"):
        return ("Its audits have not been tried yet: fedcrucible audit does.",)
    return (*_of_sabotage(found), *_of_records(found), *_of_keys(found))


def _of_sabotage(found: tuple[Fields, ...]) -> Iterator[str]:
    noticed: dict[float, list[bool]] = {}
    for facts in (one.inner("facts") for one in found):
        noise = facts.finite("sabotage")
        if noise is not None and isinstance(facts.values.get("noticed"), bool):
            noticed.setdefault(noise, []).append(facts.flag("noticed"))
    for noise, tests in list(noticed.items())[:_MOST_TOLD]:
        what = f"{stated(noise)} times the noise" if noise else "no noise"
        yield f"With {what}, on purpose, {sum(tests)} of {number_of(len(tests), 'test')} noticed."


def _of_records(found: tuple[Fields, ...]) -> Iterator[str]:
    for one in [one for one in found if one.text("figure").startswith(PSNR)][:_MOST_TOLD]:
        best, blind = one.finite("value"), one.inner("facts").finite("psnr_of_a_blind_guess")
        attacked = one.inner("facts").inners("attacked")
        if best is None or blind is None or not attacked:
            continue
        seen, records = (sum(update.count(key) for update in attacked) for key in ("records_recognised", "records"))
        source = one.text("figure").removeprefix(PSNR).removesuffix(", dB")[:_LONGEST]
        comes = "best comes" if len(attacked) == 1 else "best of each come on average"
        yield (
            f"Of the records rebuilt from {source} of one round the {comes} to {best:.1f} dB, where a guess that "
            f"saw no update has {blind:.1f}; {seen:,} of {records:,} can be recognised."
        )


def _of_keys(found: tuple[Fields, ...]) -> Iterator[str]:
    for one in [one for one in found if one.text("figure").startswith(_KEY)][:_MOST_TOLD]:
        source = one.text("figure").removeprefix(_KEY)[:_LONGEST]
        shared = "" if source == "sums as shared" else ", which this run does not share,"
        came = "the secret key came out" if one.finite("value") else "no secret key came out"
        yield f"From {source}{shared} {came}."
