"""Requests and responses of endpoints as data: rows to bytes, bytes to predictions. Nothing here reads or sends anything."""
