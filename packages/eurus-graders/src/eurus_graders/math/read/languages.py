"""Numbers as other languages write them: their digits, their units and currencies, the words that make a number something else."""

from __future__ import annotations

import re
import unicodedata

_UNITS = {
    "dollars": "доллар(?:ов|а)?|d[óo]lar(?:es)?|dólares|dollars?|ドル|美元|달러|دولار(?:ا|ًا|اً|ات)?|डॉलर",
    "euros": "евро|ユーロ|欧元|유로|يورو|यूरो",
    "yen": "円|日元|엔|yenes|ienes|иен[аы]?",
    "yuan": "元|块钱|块|위안|юан(?:ей|ь|я)",
    "rupees": "रुपय[ेा]|रुपए|रूपये|рупи(?:й|и|я)|rupias|卢比",
    "rubles": "рубл(?:ей|я|ь)|руб|rublos|roubles|Rubel|卢布",
    "won": "원",
    "%": "prozent|por\\s?ciento|por\\s?cento|pour\\s?cent|per\\s?cento|процент(?:ов|а)?|بالمئة|بالمائة|في\\s+المئة|في\\s+المائة|٪|प्रतिशत|パーセント|퍼센트|프로",
    "hours": "stunden?|heures?|horas?|час(?:ов|а)?|小时|個時間|時間|시간|ساعات|ساعة|घंट[ेा]",
    "minutes": "minuten?|minutos?|минут[аы]?|分钟|分鐘|分間|دقائق|دقيقة|मिनट",
    "seconds": "sekunden?|secondes?|segundos?|секунд[аы]?|秒|초|ثانية|ثواني|सेकंड",
    "days": "tage?n?|jours?|días?|dias?|дн(?:ей|я)|день|天|日間|일|أيام|दिन",
    "km": "км|公里|千米|キロメートル|킬로미터|kilómetros?|quilômetros?|kilomètres?|километр(?:ов|а)?|كيلومترا?|कि\\.?मी",
    "m": "метр(?:ов|а)?|米|メートル|미터|metros|mètres?|مترا?|أمتار|मीटर",
    "cm": "см|厘米|センチ(?:メートル)?|centímetros?|centimètres?|zentimetern?|сантиметр(?:ов|а)?|سم|से\\.?मी",
    "kg": "кг|千克|公斤|キログラム|킬로그램|килограмм(?:ов|а)?|كجم|किलो(?:ग्राम)?",
    "square m": "平方米|quadratmetern?|metros?\\s+cuadrados|metros?\\s+quadrados|mètres?\\s+carrés",
    "square cm": "平方厘米|quadratzentimetern?",
    "degrees": "градус(?:ов|а)?|grados|graus|degrés|درجة|डिग्री",
}  # fmt: skip
_HAN = r"\u3400-\u9fff\u3005"
_UNIT = re.compile(
    r"(?<=[\d½¼¾*)$])(?:\*\*)?\s*(?:"
    + "|".join(f"(?P<u{at}>{words})" for at, words in enumerate(_UNITS.values()))
    + rf")(?![^\W\d_{_HAN}\u3040-\u30ff\uac00-\ud7af])(?!(?<=[{_HAN}])[{_HAN}])(?=\W|\Z|[\u3040-\u30ff\uac00-\ud7af])",
    re.IGNORECASE,
)
_NAMES = tuple(_UNITS)

_SCALE = re.compile(
    r"(?i:millionen|millarden?|milliard\w*|bilh\w+|milh\w+|mill[oó]n\w*|mil|mille|tausend\w*|hundert\w*|dutzend\w*|docenas?|d[uú]zias?|douzaines?|centos|cientos"
    r"|тысяч\w*|миллион\w*|миллиард\w*|дюжин\w*|сот|сотен|сотни|drittel|viertel|tercios|cuartos|terços|quartos|tiers|quarts|трет\w*|четверт\w*|раза?|veces|vezes|fois"
    r"|ألف(?:ا|ًا)?|آلاف|مليون|ملايين|مليار|مئة|مائة|مرات|مرة|लाख|करोड़|हज़ार|हजार|सौ|गुना)\Z"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]?[万萬亿億千百倍半만억천백배]|[十点點分割折成多余餘强弱여할푼]|\S{0,3}(?:以上|以下|以内|未满|未満|이상|이하|미만)|不到|左右"
)
"""Words behind a number that make another of it: thousands, parts, times, bounds."""
_LINK = re.compile(
    r"(?i:oder|und|ou|et|или|и|más|mais|mehr|als|que|menos|weniger|moins|больше|меньше|более|менее|чем|medio|meia|meio|demi\w*|halbe?\w*|nicht|não|pas|не|non|falsch"
    r"|incorrecto|errado|أو|و|أكثر|أقل|या|और|से|नहीं|अधिक|कम)\Z"
)
"""Words behind a number by which it is not the answer alone."""
_SHORT_LINK = re.compile(r"(?i:y|e|o|u|mal|vez|con|mit|avec|com|bis|a|à|por|pro|par|je|no|plus)\Z")
"""Those which are other words in English."""
_NOUN = re.compile(r"[\w\u0900-\u0dff\u064b-\u0652'’-]+(?:\s+[\w\u0900-\u0dff\u064b-\u0652'’-]+){0,2}")
_COUNTED = re.compile(r"(?P<count>-?\d[\d.,/]*)(?P<space>\s*)(?P<noun>[^\d\s].*)", re.DOTALL)

_BOUND = re.compile(
    r"(?:\b(?:mindestens|höchstens|maximal|minimal|über|unter|knapp|fast|kaum|zwischen|bis|entre|hasta|até|jusqu['’]à|casi|quase|presque|almeno|circa|quasi"
    r"|(?:más|menos|mais|plus|moins|più|meno)\s+(?:de|di|do\s+que|que)|(?:al|au|pelo|ao|no)\s+(?:menos|moins|mais|plus|más|máximo|mínimo|maximum|minimum)"
    r"|(?:mehr|weniger|größer|kleiner)\s+als|mayor\s+que|menor\s+que|maior\s+que|не\s+(?:менее|более|больше|меньше)|более|менее|больше|меньше|свыше|почти"
    r"|минимум|максимум|от|до|между)"
    r"|أكثر\s+من|أقل\s+من|على\s+الأقل|لا\s+يقل\s+عن|لا\s+يزيد\s+عن|कम\s+से\s+कम|अधिक\s+से\s+अधिक|超过|少なくとも|最大|最小|最少|最多|至少|至多|大于|小于|不到|약|최소|최대)\s*\Z",
    re.IGNORECASE,
)
_BOUND_BEHIND = re.compile(
    r"\s*(?:से\s+(?:अधिक|कम|ज़्यादा)|أو\s+(?:أكثر|أقل)|على\s+الأقل|oder\s+(?:mehr|weniger)|o\s+(?:más|menos)|ou\s+(?:mais|menos|plus|moins)|или\s+(?:более|больше|меньше)"
    r"|\S{0,3}(?:以上|以下|以内|未满|未満|이상|이하|미만))",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"\d\S*\s+(?:\S+\s+)?(?:oder|o|ou|или|या|أو|y|et|und|и|और|e|bzw\.?)\s+\Z|[和或と、나와과]\s*\Z", re.IGNORECASE
)

_DIGIT = re.compile(r"(?![0-9])\d")
_COMMA_WORDS = frozenset((
    "der", "die", "das", "und", "ist", "für", "mit", "insgesamt", "antwort", "also", "zahlt", "beträgt", "kostet", "hat", "sie", "er", "ein", "eine", "von", "nach",
    "el", "los", "las", "es", "para", "respuesta", "cuesta", "paga", "tiene", "por", "del", "o", "os", "não", "são", "uma", "custa", "resposta", "tem", "il",
    "gli", "è", "della", "risposta", "costa", "paga",
))  # fmt: skip
"""Words of languages that write 1.500,75."""
_POINT_WORDS = frozenset(("the", "is", "of", "and", "so", "answer", "we", "to"))
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3}){1,12}(?!\.?\d)")
_OTHER_POINT = re.compile(r"\d\.(?:\d{1,2}|\d{4,})(?!\d)")
_COMMA_DECIMAL = re.compile(r"\d,\d{1,2}(?![\d,])")
_COUNT_BEHIND = re.compile(r"\**\s*(?:€|[^\W\d_]{2,})")


def digits(text: str) -> str:
    """Return text with the decimal digits of any script as ASCII's, and Arabic's decimal and thousands marks."""
    if text.isascii():
        return text
    folded = _DIGIT.sub(lambda found: str(unicodedata.decimal(found.group())), text)
    return folded if folded == text else folded.replace("٫", ".").replace("٬", ",")


def units_named(text: str) -> str:
    """Return text with the units and currencies behind numbers by their English names: ``11 долларов`` is 11 dollars, ``850円`` is 850 yen."""
    return _UNIT.sub(lambda found: " " + _NAMES[int((found.lastgroup or "u0")[1:])] + " ", text)


def counted(text: str) -> tuple[str, str] | None:
    """Return the number and the noun of ``50 lápis``, ``35只`` or ``42 كرسيًا``; None where what stands behind the number changes it."""
    found = _COUNTED.fullmatch(text)
    if found is None or found["noun"].isascii():
        return None
    noun = found["noun"].strip(" .।،")
    if _NOUN.fullmatch(noun) is None or any(map(str.isdigit, noun)) or changes(noun):
        return None
    if not found["space"] and not _ideographs(noun):
        return None
    return found["count"], noun


def changes(noun: str) -> bool:
    """Whether what stands behind a number makes it another: thousands, halves, a bound, a second one."""
    words = noun.split()
    own = any(_SHORT_LINK.match(word) for word in words) and not noun.isascii()
    return (
        own or any(_SCALE.match(word) or _LINK.match(word) for word in words) or (_ideographs(noun) and len(noun) > 8)
    )


def goes_on(words: str) -> bool:
    """Whether the words behind a number in a sentence go on with it: ``42 Millionen``, ``42 mil``, ``42个半``, ``42 oder mehr``."""
    first = words.split()[:1]
    return bool(first) and (
        _SCALE.match(first[0]) is not None
        or (_LINK.match(first[0]) is not None and first[0] not in ("und", "et", "и", "و", "और", "que"))
    )


def bounds(before: str, after: str) -> bool:
    """Whether the text before or behind a number makes it a bound or one of several."""
    return (
        _BOUND.search(before) is not None or _BOUND_BEHIND.match(after) is not None or _JOINT.search(before) is not None
    )


def is_foreign(text: str) -> bool:
    """Whether a text is words of a language other than English: letters beyond ASCII but Greek, or words of those with the decimal comma."""
    beyond = any(
        one.isalpha()
        and not one.isascii()
        and not unicodedata.name(one, "").startswith(("GREEK", "MATHEMATICAL", "DOUBLE-STRUCK"))
        for one in text[:2000]
    )
    return beyond or len(_COMMA_WORDS.intersection(re.findall(r"[^\W\d_]+", text.casefold()))) > 1


def ungrouped(text: str) -> str:
    """Return a reply with ``1.500 Euro`` as 1500, where it is in a language with the decimal comma and writes no decimal point."""
    if _GROUPED.search(text) is None or _OTHER_POINT.search(text) is not None:
        return text
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    if len(words & _COMMA_WORDS) < 2 or words & _POINT_WORDS:
        return text
    known = _COMMA_DECIMAL.search(text) is not None or any(
        _COUNT_BEHIND.match(text, found.end()) for found in _GROUPED.finditer(text)
    )
    return _GROUPED.sub(lambda found: found.group().replace(".", ""), text) if known else text


def _ideographs(text: str) -> bool:
    return re.match(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text) is not None
