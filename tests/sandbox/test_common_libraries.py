"""Programs as models write them, with the libraries that they use most: right ones are called right, and wrong ones wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from eurus_sandbox import Sandbox

PRINTING = {
    "sys.stdin": (
        "import sys\ninput = sys.stdin.readline\nn = int(input())\nprint(sum(map(int, input().split()[:n])))",
        "3\n1 2 3\n",
        "6",
    ),
    "sys.stdin.read": (
        "import sys\ndef main():\n    data = sys.stdin.read().split()\n    sys.stdout.write(' '.join(sorted(data[1:])) + '\\n')\nmain()",
        "2\nb a\n",
        "a b",
    ),
    "sys.exit": ("import sys\nif int(input()) > 1:\n    print('big')\n    sys.exit()\nprint('small')", "5", "big"),
    "open(0)": ("print(*[int(x) * 2 for x in open(0).read().split()])", "1 2", "2 4"),
    "fileinput": ("import fileinput\nprint(sum(int(line) for line in fileinput.input()))", "1\n2\n", "3"),
    "collections": (
        "from collections import Counter, defaultdict, deque\nd = defaultdict(list)\nfor i, c in enumerate(input()):\n    d[c].append(i)\n"
        "q = deque(sorted(d))\nq.rotate(1)\nprint(Counter('aab').most_common(1)[0], list(q), dict(d))",
        "aba",
        "('a', 2) ['b', 'a'] {'a': [0, 2], 'b': [1]}",
    ),
    "heapq": (
        "import heapq\nh = list(map(int, input().split()))\nheapq.heapify(h)\nheapq.heappush(h, 0)\nprint(heapq.heappop(h), heapq.nlargest(2, h))",
        "5 1 4",
        "0 [5, 4]",
    ),
    "bisect": (
        "from bisect import bisect_left, insort\na = sorted(map(int, input().split()))\ninsort(a, 3)\nprint(bisect_left(a, 3), a)",
        "5 1",
        "1 [1, 3, 5]",
    ),
    "itertools": (
        "from itertools import accumulate, combinations, permutations, product, groupby\n"
        "print(len(list(permutations(range(4)))), sum(1 for _ in combinations('abcd', 2)), list(accumulate([1, 2, 3])), "
        "len(list(product('01', repeat=3))), [(k, len(list(g))) for k, g in groupby(input())])",
        "aab",
        "24 6 [1, 3, 6] 8 [('a', 2), ('b', 1)]",
    ),
    "functools": (
        "import functools, sys\nsys.setrecursionlimit(10**6)\n@functools.lru_cache(maxsize=None)\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n"
        "print(f(int(input())), functools.reduce(lambda a, b: a * b, [1, 2, 3]), sorted([3, 1], key=functools.cmp_to_key(lambda a, b: a - b)))",
        "90",
        "2880067194370816120 6 [1, 3]",
    ),
    "math": (
        "import math\nn = int(input())\nprint(math.gcd(n, 12), math.comb(5, 2), math.isqrt(n), math.factorial(5), round(math.pi, 4), math.inf > n)",
        "18",
        "6 10 4 120 3.1416 True",
    ),
    "re": (
        "import re\nprint(re.findall(r'\\d+', input()), re.sub(r'(\\w)\\1', r'<\\1>', 'aabb'))",
        "a1b22",
        "['1', '22'] <a><b>",
    ),
    "random": (
        "import random\nrandom.seed(7)\na = [1, 2, 3]\nrandom.shuffle(a)\nprint(sorted(a), 0 <= random.random() < 1)",
        "",
        "[1, 2, 3] True",
    ),
    "string": (
        "import string\nprint(string.ascii_lowercase[:3], string.digits[-1], string.capwords('a b'))",
        "",
        "abc 9 A B",
    ),
    "datetime": (
        "from datetime import date, datetime, timedelta\nd = datetime.strptime(input(), '%Y-%m-%d')\nprint((d + timedelta(days=1)).strftime('%d %b %Y'), date(2024, 1, 1).weekday())",
        "2024-02-28",
        "29 Feb 2024 0",
    ),
    "decimal": (
        "from decimal import Decimal, getcontext\ngetcontext().prec = 10\nprint(Decimal(input()) / 7)",
        "1",
        "0.1428571429",
    ),
    "fractions": (
        "from fractions import Fraction\nprint(sum(Fraction(1, k) for k in range(1, int(input()) + 1)))",
        "4",
        "25/12",
    ),
    "json": (
        "import json\nd = json.loads(input())\nd['n'] += 1\nprint(json.dumps(d, sort_keys=True))",
        '{"b": 1, "n": 1}',
        '{"b": 1, "n": 2}',
    ),
    "dataclasses": (
        "from dataclasses import dataclass, field\n@dataclass(order=True)\nclass P:\n    x: int\n    tags: list = field(default_factory=list)\nprint(max(P(1), P(int(input()))))",
        "3",
        "P(x=3, tags=[])",
    ),
    "enum and typing": (
        "from enum import Enum, auto\nfrom typing import Dict, List, NamedTuple, Optional\nclass C(Enum):\n    RED = auto()\nclass P(NamedTuple):\n    x: int\n"
        "def f(a: Optional[List[int]] = None) -> Dict[str, int]:\n    return {C.RED.name: P(len(a or [])).x}\nprint(f([1]))",
        "",
        "{'RED': 1}",
    ),
    "threading, for the stack": (
        "import sys, threading\nsys.setrecursionlimit(10**7)\nthreading.stack_size(2**27)\ndef depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)\n"
        "def main():\n    print(depth(int(input())))\nt = threading.Thread(target=main)\nt.start()\nt.join()",
        "50000",
        "50000",
    ),
    "io and os": (
        "import io, os, sys\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline\nout = io.StringIO()\nout.write(str(int(input()) + 1))\nsys.stdout.write(out.getvalue())",
        "41\n",
        "42",
    ),
    "time and operator": (
        "import time\nfrom operator import itemgetter, mul\nstart = time.time()\ntime.sleep(0.01)\nprint(sorted([(1, 'b'), (0, 'c')], key=itemgetter(1)), mul(3, 4), time.time() > start)",
        "",
        "[(1, 'b'), (0, 'c')] 12 True",
    ),
    "numpy": (
        "import numpy as np\na = np.array(list(map(int, input().split())))\nprint(a.mean(), np.linalg.det(np.eye(2)), (a @ a), np.cumsum(a).tolist())",
        "1 2 3",
        "2.0 1.0 14 [1, 3, 6]",
    ),
    "sympy": (
        "from sympy import symbols, solve, factorint, isprime, Rational\nx = symbols('x')\nprint(solve(x**2 - int(input()), x), factorint(12), isprime(97), Rational(1, 3) + 1)",
        "4",
        "[-2, 2] {2: 2, 3: 1} True 4/3",
    ),
    "scipy": (
        "from scipy.optimize import brentq\nprint(round(brentq(lambda x: x * x - float(input()), 0, 3), 3) if False else round(brentq(lambda x: x * x - 2, 0, 3), 3))",
        "2",
        "1.414",
    ),
    "copy, statistics and hashlib": (
        "import copy, hashlib, statistics\na = [[1]]\nb = copy.deepcopy(a)\nb[0][0] = 2\nprint(a, statistics.median([3, 1, 2]), hashlib.md5(b'a').hexdigest()[:6])",
        "",
        "[[1]] 2 0cc175",
    ),
    "the array module and bit tricks": (
        "from array import array\na = array('i', [1, 2])\na.append(int(input()))\nprint(sum(a), bin(10).count('1'), (5).bit_length())",
        "3",
        "6 2 3",
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_seconds=20) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("program", "given", "printed"), PRINTING.values(), ids=PRINTING)
def test_a_program_that_prints_is_right_with_its_libraries_and_wrong_without_its_result(
    sandbox: Sandbox, program: str, given: str, printed: str
) -> None:
    right = sandbox.check_stdio(program, [(given, printed)])
    assert (right.outcome, right.trusted) == ("correct", True), right.why
    assert sandbox.check_stdio(program, [(given, f"{printed}0")]).outcome == "incorrect"


RETURNING = {
    "collections": (
        "from collections import Counter, OrderedDict, deque",
        "Counter('aab'), deque([1, 2]), OrderedDict(a=1)",
        "({'a': 2, 'b': 1}, deque([1, 2]), {'a': 1})",
    ),
    "heapq and bisect": (
        "import heapq, bisect",
        "heapq.nsmallest(2, [3, 1, 2]), bisect.bisect([1, 2], 2)",
        "([1, 2], 2)",
    ),
    "itertools": ("from itertools import *", "list(chain([1], [2])), list(islice(count(3), 2))", "([1, 2], [3, 4])"),
    "math": ("import math", "[math.sqrt(2), math.floor(2.5)]", "[2 ** 0.5, 2]"),
    "fractions and decimal": (
        "from fractions import Fraction\nfrom decimal import Decimal",
        "Fraction(1, 3), Decimal('1.50')",
        "(Fraction(2, 6), Decimal('1.5'))",
    ),
    "datetime": (
        "from datetime import date, timedelta",
        "date(2024, 2, 28) + timedelta(days=1)",
        "datetime.date(2024, 2, 29)",
    ),
    "re": ("import re", "re.split(r'[,;]', 'a,b;c')", "['a', 'b', 'c']"),
    "json": ("import json", "json.loads('[1, null, true]')", "[1, None, True]"),
    "numpy": ("import numpy as np", "np.arange(3).tolist(), int(np.sum([1, 2]))", "([0, 1, 2], 3)"),
    "a numpy number": ("import numpy as np", "np.float64(1.5)", "1.5"),
    "sympy": ("import sympy", "int(sympy.factorial(5)), str(sympy.sqrt(8))", "(120, '2*sqrt(2)')"),
    "a dataclass": (
        "from dataclasses import dataclass, astuple\n@dataclass\nclass P:\n    x: int\n    y: int = 2",
        "astuple(P(1))",
        "(1, 2)",
    ),
    "a named tuple": ("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int", "P(1)", "(1,)"),
    "an enum": ("from enum import IntEnum\nclass C(IntEnum):\n    RED = 3", "C.RED", "3"),
    "functools": (
        "from functools import lru_cache, partial\n@lru_cache(None)\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
        "partial(fib, 30)()",
        "832040",
    ),
    "string and random": (
        "import random, string\nrandom.seed(1)",
        "len(''.join(random.choices(string.ascii_letters, k=8)))",
        "8",
    ),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor",
        "list(ThreadPoolExecutor(2).map(abs, [-1, 2]))",
        "[1, 2]",
    ),
    "a generator": ("def g():\n    yield from (1, 2)", "list(g())", "[1, 2]"),
}


@pytest.mark.parametrize(("imports", "value", "expected"), RETURNING.values(), ids=RETURNING)
def test_a_function_that_returns_is_right_with_its_libraries_and_wrong_with_another_value(
    sandbox: Sandbox, imports: str, value: str, expected: str
) -> None:
    program = f"{imports}\n\ndef f():\n    return {value}\n"
    given = (
        "import datetime\nfrom collections import deque\nfrom fractions import Fraction\nfrom decimal import Decimal"
    )
    right = sandbox.check_asserts(program, [given, f"assert f() == {expected}"])
    assert (right.outcome, right.trusted) == ("correct", True), right.why
    assert sandbox.check_asserts(program, [given, f"assert f() == ({expected}, 0)"]).outcome == "incorrect"


def test_a_suite_of_checks_as_humaneval_writes_it_is_right_with_typing_and_docstrings(sandbox: Sandbox) -> None:
    program = textwrap.dedent(
        '''
        from typing import List


        def below(numbers: List[int], limit: int) -> List[int]:
            """Return the numbers below a limit.
            >>> below([1, 5], 3)
            [1]
            """
            return [number for number in numbers if number < limit]
        '''
    )
    check = "METADATA = {'dataset': 'test'}\n\n\ndef check(candidate):\n    assert candidate([1, 5], 3) == [1]\n    assert candidate([], 3) == []\n"
    assert sandbox.check_asserts(program, [check]).correct
    assert sandbox.check_asserts(program.replace("<", ">"), [check]).outcome == "incorrect"
