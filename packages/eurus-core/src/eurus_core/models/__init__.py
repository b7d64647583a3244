"""Models: where a reference leads, loading, precision, chat templates, and the built-in ones.

Importing this room imports neither torch nor transformers; loading does (eurus-core's extra ``models``).
"""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.models.built_in import cache_folder as cache_folder
    from eurus_core.models.hf import quiet as quiet
    from eurus_core.models.loading import load_causal_lm as load_causal_lm
    from eurus_core.models.loading import load_config as load_config
    from eurus_core.models.loading import load_model as load_model
    from eurus_core.models.loading import load_tokenizer as load_tokenizer
    from eurus_core.models.precision import Dtype as Dtype
    from eurus_core.models.precision import Precision as Precision
    from eurus_core.models.precision import dtype_of as dtype_of
    from eurus_core.models.precision import fast_device as fast_device
    from eurus_core.models.sources import ModelSource as ModelSource
    from eurus_core.models.sources import fetch as fetch
    from eurus_core.models.sources import find_source as find_source
    from eurus_core.models.sources import model_name as model_name
    from eurus_core.models.sources import weights_hash as weights_hash
    from eurus_core.models.templates import keep_template_hash as keep_template_hash
    from eurus_core.models.templates import prompt_ids as prompt_ids
    from eurus_core.models.templates import template_hash as template_hash

__getattr__, __all__ = exports(
    __name__,
    {
        "built_in": ["cache_folder"],
        "hf": ["quiet"],
        "loading": ["load_causal_lm", "load_config", "load_model", "load_tokenizer"],
        "precision": ["Dtype", "Precision", "dtype_of", "fast_device"],
        "sources": ["ModelSource", "fetch", "find_source", "model_name", "weights_hash"],
        "templates": ["keep_template_hash", "prompt_ids", "template_hash"],
    },
)
