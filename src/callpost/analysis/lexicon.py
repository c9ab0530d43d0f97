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

COMMON_NOUNS = words(
    """thing way time day lot bit minute moment second hour week month year today tomorrow yesterday morning
    afternoon evening night while name help question one something anything everything nothing someone people
    person guy man woman sir madam mister miss lady gentleman kind sort type stuff part side place end start
    case hello hi hey bye goodbye call thank welcome pleasure favor luck care hand head back front rest number
    digit idea reason point fact matter sense word example couple few half whole bunch step level chance
    change look try use need want work talk turn information detail total top bottom list line friend guess
    course situation area world life home house family wife husband kid problem issue weekend business hold
    letter dear sake god gosh goodness mine yours set piece pm am birth date address confirmation email zip
    security dollar cent pound euro customer courtesy file record country company match inconvenience patience
    assistance"""
)
"""Nouns of any call, the routine questions for name, date of birth and address included."""
