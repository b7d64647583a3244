"""The name of a request: what a recorded reply is found by."""

from __future__ import annotations

import hashlib
import json

from eurus_core.records.codec import to_json
from eurus_core.records.request import Request


def request_key(request: Request) -> str:
    """Return a hash, 32 hexadecimal digits, of everything a reply may depend on.

    That is messages, sampling, seed and schema, and of the problem its id: assisted and scripted actors read the problem.
    Which actor is asked is no part of it; a record of several actors keeps one file for each.
    """
    asked = {
        "messages": [[message.role, message.content] for message in request.messages],
        "sampling": to_json(request.sampling),
        "seed": request.seed,
        "schema": request.schema,
        "problem": request.problem.id if request.problem else None,
    }
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
