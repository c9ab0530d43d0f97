"""Small word lists that more than one module of this room needs. English."""


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


MONTH_WORDS = words(
    "january february march april may june july august september october november december"
) | words("jan feb mar apr jun jul aug sep sept oct nov dec")

WEEKDAYS = words("monday tuesday wednesday thursday friday saturday sunday")

HESITATIONS = words("uh um uhm er erm ah hmm hm mm mhm uhhuh huh uh-huh mm-hmm mm-hm oh")

NODS = words("okay ok yes yeah yep yup yea right sure alright fine good great perfect awesome thanks please")
