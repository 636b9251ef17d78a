"""Worker processes: every job has its answer, and a death is one."""

import pytest

from smilesim.workers import Died, work_off
from support.jobs import double


@pytest.mark.parametrize("count", [1, 3])
def test_every_job_is_answered_whatever_the_number_of_processes(count: int) -> None:
    answers = dict(work_off(range(9), double, count))

    assert answers == {place: 2 * place for place in range(9)}


def test_a_worker_that_dies_is_an_answer_and_the_others_go_on() -> None:
    jobs = [1, 13, 2, 14, 3, 15, 4]

    answers = dict(work_off(jobs, double, 2))

    died = {jobs[place]: one.detail for place, one in answers.items() if isinstance(one, Died)}
    assert died == {
        13: "exit code 1: ValueError: thirteen is not a job",
        14: "killed by SIGKILL",
        15: "exit code 3",
    }
    assert [answers[place] for place in (0, 2, 4, 6)] == [2, 4, 6, 8]


def test_who_stops_asking_ends_the_workers() -> None:
    answers = work_off(range(100), double, 2)
    place, answer = next(answers)

    answers.close()

    assert answer == 2 * place
    assert list(answers) == []


def test_a_worker_that_dies_in_the_middle_of_its_answer_is_one_that_died() -> None:
    answers = dict(work_off([1, 16, 2], double, 1))

    assert answers == {0: 2, 1: Died("exit code 4"), 2: 4}
