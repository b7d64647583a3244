"""Numbers in words of other languages: Chinese and Japanese numerals, and the small numbers of European languages."""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = {**{digit: value for value, digit in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2, "兩": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9}  # fmt: skip
_SMALL = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERAL = re.compile(f"[{''.join((*_DIGITS, *_SMALL, *_LARGE))}]{{1,24}}")
_MEASURED = re.compile(
    rf"(?P<numeral>{_NUMERAL.pattern})(?:个|個|只|隻|元|块|天|人|本|名|位|岁|歲|次|颗|棵|条|张|辆|小时|分钟|種|种|つ|匹|冊|円|枚|年|公里|厘米|米|公斤|克)?"
)
_PARTS = re.compile(rf"(?P<below>{_NUMERAL.pattern})分之(?P<above>{_NUMERAL.pattern})")

_WORDS = {
    0: "cero zéro ноль",
    1: "eins uno uma один",
    2: "zwei dos deux dois два две",
    3: "drei tres três trois tre три",
    4: "vier cuatro quatre quatro quattro четыре",
    5: "fünf cinco cinq cinque пять",
    6: "sechs seis шесть",
    7: "sieben siete sept sette семь",
    8: "acht ocho huit oito otto восемь",
    9: "neun nueve neuf nove девять",
    10: "zehn diez dix dez dieci десять",
    11: "elf onze undici одиннадцать",
    12: "zwölf doce douze doze dodici двенадцать",
    13: "dreizehn trece treize treze tredici тринадцать",
    14: "vierzehn catorce quatorze quattordici четырнадцать",
    15: "fünfzehn quince quinze quindici пятнадцать",
    16: "sechzehn dieciséis seize dezesseis sedici шестнадцать",
    20: "zwanzig veinte vingt vinte venti двадцать",
    30: "dreißig treinta trente trinta trenta тридцать",
    40: "vierzig cuarenta quarante quarenta quaranta сорок",
    50: "fünfzig cincuenta cinquante cinquenta cinquanta пятьдесят",
    60: "sechzig sesenta soixante sessenta sessanta шестьдесят",
    70: "siebzig setenta settanta семьдесят",
    80: "achtzig ochenta oitenta ottanta восемьдесят",
    90: "neunzig noventa novanta девяносто",
    100: "hundert einhundert cien cem cento сто",
}
_VALUES = {word: value for value, words in _WORDS.items() for word in words.split()}
_GERMAN = re.compile(
    r"(?P<one>ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun)und(?P<ten>zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig)"
)


def value(text: str) -> Fraction | None:
    """Return the number that a text is, where it is nothing but one in words: ``三十五``, ``两个``, ``vier``, ``fünfundzwanzig``; else None.

    Words that mean something else in English (``once``, ``due``, ``null``, ``cent``) are left out.
    """
    if len(text) > 40 or not text:
        return None
    if "\u3005" <= text[0] <= "\u9fff":
        return _chinese(text)
    compound = _GERMAN.fullmatch(text.casefold())
    if compound is not None:
        return Fraction(_VALUES.get(compound["one"], 1) + _VALUES[compound["ten"]])
    known = _VALUES.get(text.casefold())
    return None if known is None else Fraction(known)


def _chinese(text: str) -> Fraction | None:
    part = _PARTS.fullmatch(text)
    if part is not None:
        below, above = _numeral(part["below"]), _numeral(part["above"])
        return None if not below or above is None else Fraction(above, below)
    found = _MEASURED.fullmatch(text)
    whole = None if found is None else _numeral(found["numeral"])
    return None if whole is None else Fraction(whole)


def _numeral(text: str) -> int | None:
    """Return the value of a numeral; None where its signs stand in no order: ``二〇二六`` is digits, ``三十五`` and ``一万零二百`` are places."""
    if len(text) > 1 and all(sign in _DIGITS for sign in text):
        return None if len(text) > 9 or text[0] == "零" else int("".join(str(_DIGITS[sign]) for sign in text))
    if len(text) > 1 and text[-1] in _DIGITS and text[-2] not in ("十", "拾") and text[-2] not in _DIGITS:
        return None  # 两万五, which people say for 25,000
    total, section, digit, place = 0, 0, None, 10**12
    for sign in text:
        if sign in _DIGITS:
            if digit is not None:
                return None
            digit = _DIGITS[sign] or None
        elif sign in _SMALL:
            unit = _SMALL[sign]
            if unit >= place or (digit is None and unit != 10):
                return None
            section, digit, place = section + (digit or 1) * unit, None, unit
        else:
            section += digit or 0
            if not section:
                return None
            total, section, digit, place = (total + section) * _LARGE[sign], 0, None, 10**12
    return total + section + (digit or 0)
