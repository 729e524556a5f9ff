"""What `make compatible` finds, counts and shows; it runs itself for minutes, and not here."""

import sys
from xml.etree import ElementTree

from tests.tools.compatible import TESTS, Ran, counted, examined, oldest_python, table


def test_pythons_are_those_that_nlsr_runs_with() -> None:
    assert oldest_python() == (3, 11)
    assert (examined(sys.executable) or ((0, 0), ""))[0] == sys.version_info[:2]
    assert examined("false") is None


def test_tests_are_counted_by_group() -> None:
    report = """<testsuite>
        <testcase classname="tests.images.depth.test_deep" name="a"/>
        <testcase classname="tests.images.test_reading" name="b"><failure/></testcase>
        <testcase classname="tests.images.test_reading" name="c"><skipped/></testcase>
        <testcase classname="tests.zoo.test_hub" name="d"/>
    </testsuite>"""
    cases = list(ElementTree.fromstring(report).iter("testcase"))
    assert {name: counted(cases, group) for name, group in TESTS.items()} == {
        "main job": "0 of 0",
        "formats": "1 of 2",
        "Hub": "1",
        "training": "0 of 0",
    }


def test_the_table_has_a_line_for_each_environment() -> None:
    ran = Ran("3.12", "newest", {"numpy": "2.5.5"}, {"Hub": "51"}, "0123456789abcdef", good=True)
    head, line = table([ran]).splitlines()
    assert head.split()[:4] == ["Python", "resolved", "torch", "numpy"]
    assert line.split()[:4] == ["3.12", "newest", "-", "2.5.5"]
    assert line.endswith("0123456789abcdef")
