"""Reading an answer: LaTeX, plain text and Python's printing, by one grammar, into terms.

Precedence climbing by hand; nothing is ever evaluated by Python. Caps bound the work: 4,096 characters, nesting, integers of 4,096 bits.

    answer    := item ((',' | ';' | 'and' | 'or') item)*
    item      := union ((= | != | < | <= | > | >= | in) union)* unit?
    union     := sum (('\\cup' | '\\cap' | '\\setminus' | ':') sum)*
    sum       := product (('+' | '-' | '\\pm') product)*
    product   := unary (('*' | '/' | nothing) unary)*
    unary     := ('-' | '+' | '\\pm')* power
    power     := postfix ('^' unary)?
    postfix   := primary ('!' | '%' | degree | '_' argument)*
"""

from __future__ import annotations

from fractions import Fraction

from eurus_graders.math.algebra import matrices, units
from eurus_graders.math.algebra.terms import (
    MINUS_ONE,
    Apply,
    Intersection,
    Interval,
    Matrix,
    Number,
    Operator,
    Quantity,
    Ratio,
    Relation,
    Sequence,
    Symbol,
    Term,
    Union,
    Without,
)
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import atoms, names, quantities
from eurus_graders.math.read.cursor import MAX_NESTING
from eurus_graders.math.read.grammar import Grammar


class Parser(Grammar):
    """The grammar, at a cursor."""

    def answer(self) -> Term:
        items, separators = self.items()
        if self.token.kind != "end":
            raise Unreadable(f"{self.token.text!r} is out of place")
        if len(items) == 1 and not separators:
            return items[0]
        compound = quantities.joined(items, separators)
        if compound is not None:
            return compound
        return Sequence("or" if "or" in separators else "bare", items)

    def items(self) -> tuple[tuple[Term, ...], set[str]]:
        """Return items up to a closing bracket or the end, and the separators between them."""
        items: list[Term] = []
        separators: set[str] = set()
        while self.token.kind != "end" and (
            self.at == 0  # "]0, 1]"
            or self.operator() not in (")", "]", "}", "\\}", "&", "\\\\", "\\end")
        ):
            items.append(self.nested(self.item))
            found = ""
            while one := self.accept(",", ";", "and", "or") or self._accept_bar(items[-1]):  # "19, 46, and 82"
                found = one
            if not found:
                break
            separators.add(found)
        if not items:
            raise Unreadable("nothing stands where an answer should")
        return tuple(items), separators

    def _accept_bar(self, item: Term) -> str:
        """Step over the bar of ``(x < 1) | (3 < x)``, as sympy prints a disjunction."""
        return "or" if not self.bars and not self.braces and isinstance(item, Relation) and self.accept("|") else ""

    def item(self) -> Term:
        self.accept("=", "~")  # "= 5", "\\approx 5"
        sides, operators = [quantities.measured(self)], list[Operator]()
        while operator := self.accept(*names.RELATIONS):
            operators.append(operator)  # type: ignore[arg-type]
            sides.append(quantities.measured(self))
        return Relation(tuple(sides), tuple(operators)) if operators else sides[0]

    def union(self) -> Term:
        result = self.sum()
        while True:
            if self.accept("\\cup") or self._accept_letter_union():
                second = self.sum()
                result = Union((*result.parts, second) if isinstance(result, Union) else (result, second))
            elif self.accept("\\cap"):
                second = self.sum()
                result = Intersection((*result.parts, second) if isinstance(result, Intersection) else (result, second))
            elif self.accept("\\setminus"):
                result = Without(result, self.sum())
            elif not self.braces and self.accept(":"):
                text = self.token.text
                second = self.sum()
                # Two digits behind the colon may be minutes: 3:30 is no ratio that 1:10 could equal.
                clock = text.isdigit() and len(text) == 2 and text < "60"
                parts, clock = (
                    (result.parts, clock and result.clock) if isinstance(result, Ratio) else ((result,), clock)
                )
                result = Ratio((*parts, second), clock)
            else:
                return result

    def _is_letter_union(self) -> bool:
        """``(-oo, 1) U (2, oo)``: the letter between a closing and an opening bracket."""
        return (
            self.token.text == "U" and self.operator(-1) in (")", "]", "\\}") and self.operator(1) in ("(", "[", "\\{")
        )

    def _accept_letter_union(self) -> bool:
        found = self._is_letter_union()
        self.at += found
        return found

    def sum(self) -> Term:
        parts = [self.product()]
        while operator := self.accept("+", "-", "\\pm", "\\mp"):
            if operator == "-" and isinstance(parts[0], Interval | Union) and self.operator() == "\\{":
                return Without(parts[0], self.product())  # R - {0}
            part = self.product()
            if operator == "-":
                part = negative(part)
            elif operator != "+":
                part = Apply("+-", (part if operator == "\\pm" else negative(part),))
            parts.append(part)
        return parts[0] if len(parts) == 1 else matrices.total(parts)

    def product(self) -> Term:
        first = self.unary()
        mixed = self._mixed(first)
        if mixed is not None:
            first = Apply("percent", (mixed,)) if self.accept("%") else mixed
        factors = [first]
        while True:
            if self.accept("*"):
                factors.append(self.unary())
            elif not quantities.rate_follows(self) and self.accept("/"):
                factors.append(Apply("^", (self.unary(), MINUS_ONE)))
            elif self.accept("\\bmod"):
                factors = [Apply("mod", (matrices.product(factors) if len(factors) > 1 else factors[0], self.unary()))]
            elif self._factor_follows(factors):
                factors.append(self.power())
            else:
                break
        return factors[0] if len(factors) == 1 else matrices.product(factors)

    def _mixed(self, whole: Term) -> Term | None:
        """Return ``7 3/4`` and ``7\\frac{3}{4}`` as one number: a proper fraction of plain integers behind an integer."""
        if not (
            isinstance(whole, Number)
            and whole.value.denominator == 1
            and not whole.digits
            and self.tokens[self.at - 1].kind == "number"
        ):
            return None
        start = self.at
        part: Fraction | None = None
        if (
            self.token.kind == "number"
            and self.token.spaced
            and self.operator(1) == "/"
            and self.tokens[self.at + 2].kind == "number"
        ):
            above, below = self.token.number, self.tokens[self.at + 2].number
            if above is not None and below is not None and below.value and not above.digits and not below.digits:
                part = above.value / below.value
            self.at += 3
        elif self.operator() == "\\frac":
            term = self.primary()
            match term:
                case Apply("*", (Number(above_value, 0), Apply("^", (Number(below_value, 0), _)))) if below_value:
                    part = above_value / below_value
                case _:
                    part = None
        if part is None or not 0 <= part < 1:
            self.at = start
            return None
        return Number(whole.value - part if whole.value < 0 else whole.value + part)

    def _factor_follows(self, factors: list[Term]) -> bool:
        token, operator = self.token, self.operator()
        if isinstance(factors[-1], Relation):
            return False
        if token.kind == "number":
            # "2 3" is no product, "x 2" may be; digits behind digits are a list that lost its commas.
            return self.tokens[self.at - 1].kind != "number" and self.operator(-1) != "%"
        if token.kind == "name":
            return not operator and not quantities.unit_follows(self, factors) and not self._is_letter_union()
        if token.kind == "command":
            return operator in ("\\frac", "\\sqrt", "\\binom", "floor(", "ceil(") or token.text[1:] in atoms.COMMANDS
        return operator in ("(", "{") or (operator == "|" and not self.bars and not self.braces)

    def unary(self) -> Term:
        signs = 1
        choice = False
        while operator := self.accept("-", "+", "\\pm", "\\mp"):
            signs = -signs if operator == "-" else signs
            choice = choice or operator in ("\\pm", "\\mp")
        currency = self.accept(*quantities.CURRENCIES) if signs < 0 else ""
        value = self.power()
        if choice:
            value = Apply("+-", (value,))
        value = negative(value) if signs < 0 else value
        return Quantity(value, quantities.CURRENCIES[currency]) if currency else value

    def power(self) -> Term:
        base = self.postfix()
        if self.accept("^"):
            exponent = self.nested(self.exponent)
            if isinstance(base, Matrix | Sequence) and exponent == Symbol("T"):
                return matrices.transposed(base)
            return Apply("^", (base, exponent))
        return base

    def exponent(self) -> Term:
        if self.operator() == "{":
            value = self.primary()
            return Apply("^", (value, self.nested(self.exponent))) if self.accept("^") else value
        return self.unary()

    def postfix(self) -> Term:
        value = self.nested(self.primary)
        for _ in range(MAX_NESTING):
            if self.operator() == "!" and not (self.token.spaced and self.operator(1) == "="):
                self.at += 1
                value = Apply("factorial", (value,))
            elif self.operator() == "^" and self.operator(1) == "\\circ":
                self.at += 2
                value = self._degrees(value)
            elif self.accept("%"):
                value = Apply("percent", (value,))
            elif self.operator() == "_":
                self.at += 1
                value = atoms.subscripted(self, value)
            elif self.operator() == "'":
                self.at += 1
                if not isinstance(value, Symbol):
                    raise Unreadable("a prime behind what is no name")
                value = Symbol(value.name + "'")
            else:
                return value
        raise TooLarge("a long row of signs behind a value")

    def _degrees(self, value: Term) -> Term:
        if self.token.kind == "name" and self.token.text in ("C", "F"):
            scale = "celsius" if self.token.text == "C" else "fahrenheit"
            self.at += 1
            return Quantity(value, units.read(scale))
        return Apply("degree", (value,))

    def primary(self) -> Term:
        return atoms.primary(self)


def negative(term: Term) -> Term:
    if isinstance(term, Matrix):
        return matrices.negated(term)
    if isinstance(term, Number):
        return Number(-term.value, term.digits)
    if isinstance(term, Quantity):
        return Quantity(negative(term.value), term.unit)
    if isinstance(term, Apply) and term.function == "neg":
        return term.arguments[0]
    return Apply("neg", (term,))
