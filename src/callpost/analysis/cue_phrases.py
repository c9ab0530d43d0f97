"""Words that tell what a number is: of a card, an order, a telephone. English; `spanish` has the others."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto


class Subject(Enum):
    """What a cue speaks of. CVV: a card's code for certain; CODE: perhaps a card's, perhaps a gate's.

    OTHER: numbers that are no card's, of orders, accounts, parcels.
    """

    CARD = auto()
    EXPIRY = auto()
    CVV = auto()
    CODE = auto()
    SOCIAL = auto()
    PHONE = auto()
    BIRTH = auto()
    OTHER = auto()


PHRASES = {
    Subject.CARD: [
        r"(?:credit|debit|master|bank|american express|discover) cards?",
        r"cards?|card's|visas?|mastercard|amex|american express|maestro|diners|cc|debit|long number",
        r"(?:sixteen|16)(?: |-)digits?|(?:front of|across) (?:the|your|my) (?:front|card)",
    ],
    Subject.EXPIRY: [
        r"expir\w*(?: dates?)?|exp(?: date)?",
        r"(?:good|valid) (?:through|thru|until|till|to)",
    ],
    Subject.SOCIAL: [r"social security(?: (?:number|card))?|social|socials|ssn|s s n|soc"],
    Subject.CVV: [
        r"cvv\w?|cvc\w?|cvd|csc|c v v|c v c|c v 2|cv two|cv ?2",
        r"card (?:security|verification) (?:code|number)",
        r"(?:three|3|four|4)(?: |-)(?:digits?|numbers?)(?: \w+){0,2} (?:on|at|from) the (?:back|front|card)",
        r"back of (?:the|your|my) card",
    ],
    Subject.CODE: [
        r"security (?:code|number|digits)|verification (?:code|number|value)|back of it",
        r"(?:three|3|four|4)(?: |-)(?:digit|number) (?:\w+ ){0,2}(?:code|number)",
    ],
    Subject.PHONE: [
        r"phone|telephone|cell|cellphone|mobile|callback|landline|fax|extension|area code",
        r"(?:call|reach|text|ring|dial|contact) (?:me|you|us|him|her|them|back|at|on)",
        r"(?:called|calling) from",
    ],
    Subject.BIRTH: [r"birth|birthday|birthdate|dob|d o b|born"],
    Subject.OTHER: [
        r"orders?|tracking|confirmation|reference|ref|invoice|ticket|serial|policy|claim|member|membership",
        r"account(?! holder| owner| with| is| was| has)|routing|zip|zipcode|postcode|postal|sku|imei",
        r"iccid|vin|meter|booking|reservation|loyalty",
        r"upc|barcode|licen[sc]e|passport|iban|prescription|shipment|parcel|passcode|transaction|receipt|isbn",
        r"fedex|ups|coupon|voucher|promo|registration|mac address|sort code|frequent flyer",
        r"(?:case|part|model|product|batch|contract|customer|employee|student|patient) (?:number|id|code)",
        r"(?:sim|device|router|identification|id|pin|flight|transfer|package|group) (?:number|id|code)",
    ],
}


def pattern(phrases: Mapping[Subject, Sequence[str]]) -> re.Pattern[str]:
    """Finds any of the phrases among normalized words; its last group is named for the subject."""
    groups = "|".join(f"(?P<{subject.name}>{'|'.join(found)})" for subject, found in phrases.items())
    return re.compile(rf"(?<!\S)(?:{groups})(?!\S)")
