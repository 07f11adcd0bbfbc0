"""Run controls: what they offer, and that they follow a job."""

import time

import pytest

from napari_umis_fusion.plugin.widgets import Job, Progress, RunControls

pytestmark = pytest.mark.binding

IDLE = {"start": ("Begin", "Begins."), "again": ("Again", "")}
RUNNING = {"pause": ("Pause", "Rests."), "cancel": ("Cancel", "")}


@pytest.fixture(params=[False, True], ids=["tall", "flat"])
def controls(request, qtbot):
    made = RunControls(IDLE, RUNNING, is_flat=request.param)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def job(qtbot):
    def start():
        for number in range(1000):
            time.sleep(0.02)
            yield number

    made = Job(start, report=lambda number: Progress(number / 1000, f"number {number}"))
    yield made
    made.cancel()
    made.wait(5)


def offered(controls):
    return [name for name, one in controls.buttons.items() if one.isVisibleTo(controls)]


def test_idle_and_running_offer_other_buttons(controls):
    assert offered(controls) == ["start", "again"]
    assert not controls.bar.isVisibleTo(controls)
    controls.show_running()
    assert offered(controls) == ["pause", "cancel"]
    assert controls.bar.isVisibleTo(controls)
    controls.show_running(is_stopping=True)
    assert not controls.buttons["cancel"].isEnabled()
    controls.show_running()
    assert controls.buttons["cancel"].isEnabled()


def test_clicks_are_told_by_name_but_for_the_pause(controls):
    told = []
    controls.clicked.connect(told.append)
    for button in controls.buttons.values():
        button.click()
    assert told == ["start", "again", "cancel"]


def test_lines_take_room_only_with_words_in_them(controls):
    controls.show_message("first")
    controls.show_details("second")
    assert controls.message.isVisibleTo(controls)
    assert controls.details.isVisibleTo(controls)
    controls.show_idle("over")
    assert controls.message.text() == "over"
    assert not controls.details.isVisibleTo(controls)


def test_a_job_is_followed_paused_and_resumed(controls, job, qtbot):
    controls.follow(job)
    job.start()
    qtbot.waitUntil(lambda: controls.bar.value() > 2, timeout=5_000)
    assert controls.message.text().startswith("number ")
    pause = controls.buttons["pause"]
    pause.click()
    assert job.is_paused
    assert pause.text() == "Resume"
    assert controls.message.text().startswith("Paused: number ")
    said, value = controls.message.text(), controls.bar.value()
    qtbot.wait(200)
    assert (controls.message.text(), controls.bar.value()) == (said, value), (
        "late events stay unsaid"
    )
    pause.click()
    assert pause.text() == "Pause"
    qtbot.waitUntil(lambda: controls.bar.value() > value, timeout=5_000)


def test_idle_it_follows_no_more(controls, job, qtbot):
    controls.follow(job)
    job.start()
    qtbot.waitUntil(lambda: controls.bar.value() > 0, timeout=5_000)
    controls.show_idle("cancelled")
    qtbot.wait(100)
    assert (controls.message.text(), controls.bar.value()) == ("cancelled", 0)
