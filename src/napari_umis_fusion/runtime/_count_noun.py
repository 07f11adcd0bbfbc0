"""Numbers with their nouns."""


def count_noun(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count_noun(1, "plane"), count_noun(12, "time point")
    ('1 plane', '12 time points')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
