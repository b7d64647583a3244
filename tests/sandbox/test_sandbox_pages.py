"""The zygote's memory, in a process of its own: what is joined cannot be parted again."""

import json
import subprocess
import sys

_LAID_OUT = """
import json
from eurus_sandbox.inside import pages
pages.reserve(8)
kept = [[number] for number in range(30_000)]
import decimal, hashlib, sqlite3
kept += [[number] for number in range(30_000, 60_000)]
homes = sorted(map(id, kept))
before = sum(".so" in one.file for one in pages._mappings())
pages.settle()
after = sum(".so" in one.file for one in pages._mappings())
pages.settle()
print(json.dumps({"megabytes": (homes[57_000] - homes[3_000]) >> 20, "before": before, "after": after,
                  "works": hashlib.sha256(b"").hexdigest()[:6] + str(decimal.Decimal("0.1") * 3), "kept": sum(map(sum, kept))}))
"""


def test_small_objects_lie_side_by_side_and_libraries_are_few_mappings_that_still_work() -> None:
    done = subprocess.run([sys.executable, "-c", _LAID_OUT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["megabytes"] <= 8
    assert found["after"] * 2 <= found["before"]
    assert (found["works"], found["kept"]) == ("e3b0c40.3", 60_000 * 59_999 // 2)
