import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from eurus_core.episode.journal import Journal, JournalError, Record
from eurus_core.episode.resume import RememberedActor, RememberedSession, Tally, key
from eurus_core.errors import InputError
from eurus_core.records import Message, Observation, Reply, Request


def record(number: int, value: str = "value") -> Record:
    return Record(f"key-{number}", "reply", "tree 1 rung 0 sample 0", f"{value} {number}")


def test_what_was_kept_is_found_after_opening_again(tmp_path):
    with Journal(tmp_path / "store") as store:
        asyncio.run(store.keep(record(1)))
        assert store.find("key-1") == "value 1"
        assert store.find("key-2") is None
    with Journal(tmp_path / "store") as store:
        assert (store.find("key-1"), store.count("reply"), store.count("critique")) == ("value 1", 1, 0)


def test_the_first_value_of_a_key_stays(tmp_path):
    with Journal(tmp_path / "store") as store:
        asyncio.run(store.keep(record(1, "first")))
        asyncio.run(store.keep(record(1, "second")))
        assert store.find("key-1") == "first 1"


def test_closing_commits_what_waits(tmp_path):
    with Journal(tmp_path / "store") as store:
        for number in range(500):
            store.put(record(number))
    with Journal(tmp_path / "store") as store:
        assert store.count("reply") == 500


def test_many_keepers_share_commits(tmp_path):
    async def keep_all(store, other):
        other.execute("BEGIN IMMEDIATE")  # the writer waits with the first group
        kept = asyncio.gather(*(store.keep(record(number)) for number in range(2000)))
        await asyncio.sleep(0)
        other.rollback()
        await kept

    statements: list[str] = []
    with Journal(tmp_path / "store") as store, closing(sqlite3.connect(tmp_path / "store")) as other:
        store._connection.set_trace_callback(statements.append)
        asyncio.run(keep_all(store, other))
        assert store.count("reply") == 2000
    assert 1 <= statements.count("BEGIN") <= 2


def test_a_kept_record_is_there_after_a_kill(tmp_path):
    program = (
        "import asyncio, os, signal, sys; from pathlib import Path\n"
        "from eurus_core.episode.journal import Journal, Record\n"
        "store = Journal(Path(sys.argv[1]))\n"
        "asyncio.run(store.keep(Record('key', 'reply', 'here', 'paid for')))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "store"], check=False)
    assert done.returncode == -9
    with Journal(tmp_path / "store") as store:
        assert store.find("key") == "paid for"


def test_a_full_disk_is_a_clear_error_and_loses_nothing_committed(tmp_path):
    program = (
        "import asyncio, resource, sys; from pathlib import Path\n"
        "from eurus_core.episode.journal import Journal, JournalError, Record\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "kept = 0\n"
        "with Journal(Path(sys.argv[1])) as store:\n"
        "    try:\n"
        "        while True:\n"
        "            asyncio.run(store.keep(Record(f'key-{kept}', 'reply', 'here', 'x' * 5000)))\n"
        "            kept += 1\n"
        "    except JournalError as error:\n"
        "        print(kept, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "store"], capture_output=True, text=True, check=True, timeout=60
    )
    kept, _, message = done.stdout.partition(" ")
    assert "cannot be written" in message
    assert "every reply committed so far is kept" in message
    with Journal(tmp_path / "store") as store:
        assert store.count("reply") == int(kept) > 0
        asyncio.run(store.keep(record(1)))


def test_a_disk_that_is_full_from_the_start_is_not_another_programs_file(tmp_path):
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from eurus_core.episode.journal import Journal, JournalError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try:\n"
        "    Journal(Path(sys.argv[1]))\n"
        "except JournalError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "store"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written" in done.stdout


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "store").write_text("my notes\n" * 1000)
    with pytest.raises(InputError, match=r"store: not a journal .* name another path"):
        Journal(tmp_path / "store")
    assert (tmp_path / "store").read_text() == "my notes\n" * 1000


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "store") as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = (tmp_path / "store").read_bytes()
    with pytest.raises(InputError, match="another program's database"):
        Journal(tmp_path / "store")
    assert (tmp_path / "store").read_bytes() == before


def test_a_store_of_another_version_is_refused(tmp_path):
    Journal(tmp_path / "store").close()
    with sqlite3.connect(tmp_path / "store") as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(InputError, match="version 99; this release reads 1"):
        Journal(tmp_path / "store")


def test_a_folder_in_the_way_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match="unable to open"):
        Journal(tmp_path)


def test_a_damaged_store_is_a_clear_error(tmp_path):
    with Journal(tmp_path / "store") as store:
        for number in range(3000):
            store.put(record(number))
    content = bytearray((tmp_path / "store").read_bytes())
    content[4096 : len(content)] = b"\xff" * (len(content) - 4096)
    (tmp_path / "store").write_bytes(content)
    with Journal(tmp_path / "store") as store, pytest.raises(InputError, match="the journal is damaged"):
        store.find("key-1500")


def test_keys_differ_by_kind_and_by_every_part():
    keys = {key("reply", "a", ["b"]), key("critique", "a", ["b"]), key("reply", "a", "b"), key("reply", "ab", [])}
    assert len(keys) == 4


class Dice:
    """A tool whose cells see a counter: each run differs, as a clock's would."""

    def __init__(self):
        self.rolls, self.open = 0, 0

    async def session(self, functions=()):
        self.open += 1
        self.seen = []
        return self

    async def run(self, code):
        self.rolls += 1
        self.seen.append(code)
        return Observation(f"roll {self.rolls}", "timeout" if code == "hang" else "ok")

    async def close(self):
        self.open -= 1


async def _play(store, dice, *cells, place="here"):
    session = RememberedSession(dice, "dice", place, store)
    seen = [(await session.run(cell)).text for cell in cells]
    await session.close()
    return seen


def test_an_observation_is_made_once_and_stays_what_the_actor_saw(tmp_path):
    dice = Dice()
    with Journal(tmp_path / "store") as store:
        assert asyncio.run(_play(store, dice, "a", "b")) == ["roll 1", "roll 2"]
        assert asyncio.run(_play(store, dice, "a", "b")) == ["roll 1", "roll 2"]
        assert (dice.rolls, dice.open) == (2, 0)


def test_the_cells_of_the_history_run_again_before_a_new_one(tmp_path):
    dice = Dice()
    with Journal(tmp_path / "store") as store:
        asyncio.run(_play(store, dice, "a", "b"))
        assert asyncio.run(_play(store, dice, "a", "b", "c")) == ["roll 1", "roll 2", "roll 5"]
        assert dice.seen == ["a", "b", "c"]


def test_a_cell_that_timed_out_is_not_run_again(tmp_path):
    dice = Dice()
    with Journal(tmp_path / "store") as store:
        asyncio.run(_play(store, dice, "a", "hang", "b"))
        assert asyncio.run(_play(store, dice, "a", "hang", "b", "c"))[-1] == "roll 6"
        assert dice.seen == ["a", "b", "c"]


def test_the_same_cell_at_another_place_is_run_for_itself(tmp_path):
    dice = Dice()
    with Journal(tmp_path / "store") as store:
        assert asyncio.run(_play(store, dice, "a", place="here")) == ["roll 1"]
        assert asyncio.run(_play(store, dice, "a", place="there")) == ["roll 2"]


def test_a_branch_goes_its_own_way(tmp_path):
    async def branch(store, dice):
        session = RememberedSession(dice, "dice", "here", store)
        await session.run("a")
        twin = session.at("there")
        await twin.run("b")
        await session.close()
        await twin.close()
        return session.cells, twin.cells

    with Journal(tmp_path / "store") as store:
        assert asyncio.run(branch(store, Dice())) == (["a"], ["a", "b"])


def test_an_error_of_the_store_reaches_every_keeper(tmp_path):
    async def keep_two(store):
        return await asyncio.gather(*(store.keep(record(number)) for number in range(2)), return_exceptions=True)

    with Journal(tmp_path / "store") as store:
        with sqlite3.connect(tmp_path / "store") as vandal:
            vandal.execute("DROP TABLE record")
        vandal.close()
        errors = asyncio.run(keep_two(store))
    assert [type(error) for error in errors] == [JournalError, JournalError]


def test_a_reply_that_comes_in_the_step_of_its_cancellation_is_kept(tmp_path):
    class Slow:
        async def generate(self, request):
            return await self.answer

    async def cancel_as_it_answers(store):
        slow = Slow()
        slow.answer = asyncio.get_running_loop().create_future()
        remembered = RememberedActor(slow, "slow", "here", store, Tally())
        task = asyncio.create_task(remembered.generate(Request((Message("user", "?"),))))
        await asyncio.sleep(0.01)
        slow.answer.set_result(Reply("paid for"))
        await asyncio.sleep(0)  # the reply has come, but the task that waits for it has not run yet
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    with Journal(tmp_path / "store") as store:
        assert asyncio.run(cancel_as_it_answers(store))
    with Journal(tmp_path / "store") as store:
        assert store.count("reply") == 1


def test_a_record_that_cannot_be_written_fails_alone_and_the_writer_goes_on(tmp_path):
    unwritable = Record("key-1", "reply", "half a pair: \ud83d", "value")

    async def keep_three(store):
        keeping = [store.keep(one) for one in (record(0), unwritable, record(2))]
        return await asyncio.wait_for(asyncio.gather(*keeping, return_exceptions=True), timeout=60)

    with Journal(tmp_path / "store") as store:
        found = asyncio.run(keep_three(store))
        assert [type(one) for one in found] == [type(None), UnicodeEncodeError, type(None)]
        assert store.count("reply") == 2


def test_a_closed_store_takes_nothing_that_nobody_would_write(tmp_path):
    with Journal(tmp_path / "store") as store:
        pass
    with pytest.raises(ValueError, match="is closed"):
        store.put(record(1))
