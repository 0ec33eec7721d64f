"""What people are shown of a version whose model someone else runs: where it is, how it is asked, and how sure its orders are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from muster.cli.text import plural, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muster.cli.render import Sheet
    from muster.records import Version
    from muster.signature import Json

__all__ = ["endpoint_facts", "endpoint_parts", "is_endpoint", "registered_again"]

_MORE = ("columns", "format")


def is_endpoint(version: Version) -> bool:
    return "connection" in version.load


def endpoint_facts(sheet: Sheet, version: Version) -> None:
    """Nothing of a version that runs here."""
    if not is_endpoint(version):
        return
    load = version.load
    sheet.fact("connection", str(load["connection"]))
    sheet.fact("endpoint", *_address(load["endpoint"]))
    sheet.fact("asked by", _format(load["request"]))
    sheet.fact("read by", _format(load["response"]))
    order = load.get("order")
    if isinstance(order, dict):
        for what, head in (("columns", "column order"), ("classes", "class order")):
            told = order.get(what)
            if isinstance(told, dict) and told:
                sheet.fact(head, _verdict(told))
    limits = load.get("limits")
    if isinstance(limits, dict):
        sheet.fact(
            "limits", f"{size(int(str(limits['bytes'])))} a request, {limits['seconds']:g} s, {limits['most']} at once"
        )
    sheet.fact("configuration", *_flat(load.get("configuration")))


def endpoint_parts(version: Version) -> tuple[str, ...]:
    """In a line: how it is asked, and how sure the order of its columns is. Nothing of a version that runs here."""
    order = version.load.get("order")
    if not is_endpoint(version) or not isinstance(order, dict):
        return ()
    request, columns = version.load["request"], order.get("columns")
    asked = f"asked by {request['format']}" if isinstance(request, dict) else ""
    return (asked, f"columns {_verdict(columns)}" if isinstance(columns, dict) and columns else "")


def registered_again(version: Version) -> list[str]:
    """The command that takes what stands there now as the next version; none for what runs here."""
    endpoint = version.load.get("endpoint")
    if not isinstance(endpoint, dict):
        return []
    name = f" {endpoint['name']}" if endpoint.get("name") else ""
    variant = f" --variant {endpoint['variant']}" if endpoint.get("variant") else ""
    return [f"muster register {version.model}{name} --connection {version.load['connection']}{variant} --sample DATA"]


def _address(endpoint: Json) -> list[str]:
    told = endpoint if isinstance(endpoint, dict) else {}
    return [f"{k}: {v}" for k, v in told.items() if v] or ["the connection itself"]


def _format(spec: Json) -> str:
    """The name of the format, and what else was fixed of it."""
    if not isinstance(spec, dict):
        return str(spec)
    rest = {k: v for k, v in spec.items() if k not in _MORE}
    return f"{spec.get('format')}{'  ' + json.dumps(rest, ensure_ascii=False) if rest else ''}"


def _verdict(told: Mapping[str, Json]) -> str:
    verdict, rows = str(told["verdict"]), told.get("rows")
    if verdict == "supported" and "pairs" in told:
        untried = f", {told['untried']} untried" if told.get("untried") else ""
        pairs = f"{told['supported']} of {plural(int(str(told['pairs'])), 'pair')} matter{untried}"
        return f"supported on {rows:,} rows: {pairs}" if isinstance(rows, int) else f"supported: {pairs}"
    if verdict == "supported" and isinstance(rows, int):
        return f"supported on {rows:,} rows"
    reason = told.get("reason")
    return f"{verdict}: {reason}" if reason else verdict


def _flat(value: Json, name: str = "") -> list[str]:
    """A line for each value, by its path."""
    if isinstance(value, dict):
        return [line for k, v in value.items() for line in _flat(v, f"{name}.{k}" if name else k)]
    if value in (None, [], ""):
        return []
    told = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
    return [f"{name}: {told}"]
