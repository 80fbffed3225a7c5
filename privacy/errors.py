"""The project's one exception tree: everything a person may have to read derives from `FedcrucibleError`."""


class FedcrucibleError(Exception):
    """Something a person can act on; its message says what, where and how to mend it."""


class ScenarioError(FedcrucibleError):
    """A scenario file or a command line that cannot work. One problem a line; the command exits with 2.

    A problem repeats what others wrote, names of columns and of files: what cannot be shown is escaped, so that none
    can forge a line or speak to the terminal.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = [_shown(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


class RunFailed(FedcrucibleError):
    """A run that started and could not finish. The manifest says why; the command exits with 1."""


class Rejected(FedcrucibleError):
    """An upload that must not enter the sum: forged, malformed, out of range or meant for another round."""


class PolicyRefused(FedcrucibleError):
    """A client declines a plan that offers less protection than what it was introduced with."""


class BudgetSpent(PolicyRefused):
    """A client declines any further step: it would cost more privacy than the client gives."""


def _shown(problem: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in problem)
