"""Every chart, held against the whole schema of Vega-Lite: Altair does not look while pages are written."""

import contextlib
import importlib
import inspect
import pkgutil
import sys

import altair as alt
import pytest
from altair.utils import schemapi
from findings_by_hand import LIRA, LOSS, attack, bound, noise, write_audited
from report_page import read_page
from run_directories import write_run
from sweep_results import content, setting, spread, write_sweep
from timeline_directories import write_timeline

from simulation.report import drawings, write_report
from simulation.report.drawings.drawing import Drawing


def charts_of_the_package():
    """Every function that draws."""
    modules = [
        importlib.import_module(f"{drawings.__name__}.{one.name}") for one in pkgutil.iter_modules(drawings.__path__)
    ]
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and inspect.signature(function).return_annotation is Drawing
        and not name.startswith("_")
        and name != "layered"
    ]


def pages(folder):
    """Directories whose reports have every chart among them."""
    found = [attack(LOSS, 0.51), attack(LIRA, 0.62), bound(2.5), noise(1.0)]
    broken = [attack(LIRA, 0.6), bound(9.0, contradiction=True), noise(0.5, contradiction=True)]
    shown = {f"membership-inference: AUC of {LIRA}": {**spread(0.6), "on_front": True}}
    settings = [setting("one", 0.8, 1.0) | {"findings": shown | {"canary: epsilon, lower bound": spread(0.4)}}]
    settings.append(setting("none", 0.9, None) | {"findings": shown})
    yield [write_audited(folder / "a", *found), write_audited(folder / "b", *broken)]
    yield [write_run(folder / "run", clients=10, rounds=12), write_run(folder / "crowd", clients=250, rounds=2)]
    yield [write_timeline(folder / "few", clients=4), write_timeline(folder / "many", clients=25)]
    yield [write_sweep(folder / "sweep", content(settings=settings))]


@contextlib.contextmanager
def called():
    """The code of all functions that are called while it is entered."""
    found = set()
    sys.setprofile(lambda frame, event, _: found.add(frame.f_code) if event == "call" else None)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_every_chart_fits_the_schema_of_vega_lite(tmp_path):
    known = charts_of_the_package()
    assert len(known) > 10
    drawn = set()
    for directories in pages(tmp_path):
        with called() as functions:
            write_report(directories, tmp_path / "report.html")
        drawn |= functions
        for specification in read_page(tmp_path / "report.html").charts.values():
            schemapi.validate_jsonschema(specification, alt.load_schema())
    assert [function.__name__ for function in known if function.__code__ not in drawn] == []


def test_the_schema_refuses_what_is_no_chart():
    with pytest.raises(schemapi.jsonschema.ValidationError):
        schemapi.validate_jsonschema({"mark": "bar", "encoding": {"x": {"field": 7}}}, alt.load_schema())


def test_altair_looks_again_once_a_page_is_written(tmp_path):
    write_report([write_run(tmp_path / "run", clients=2, rounds=2)], tmp_path / "report.html")
    with pytest.raises(schemapi.SchemaValidationError):
        alt.Axis(title=7.5, tickCount="many", grid="yes").to_dict()
