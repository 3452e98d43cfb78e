"""YAML as a recipe means it: a date or a time of day stays text, and a key stands once."""

from typing import Any

import yaml

from storage.errors import RecipeError

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where `22:30` is the number 1,350 and the second of two equal keys wins in silence."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        number_of_sixties = tag in (_TAG + "int", _TAG + "float") and ":" in value
        return _TAG + "str" if number_of_sixties or tag == _TAG + "timestamp" else tag

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return node


def read_yaml(text: str) -> Any:
    """Read YAML 1.1 without its numbers to base sixty and its dates, which stay text.

    Raises:
        RecipeError: It is no YAML, or a key stands twice in one place.
    """
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"no valid YAML: {error}") from None
    except RecursionError:
        raise RecipeError("no valid YAML: it is nested too deeply") from None
