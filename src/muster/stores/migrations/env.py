"""Alembic runs this to upgrade: on the connection and in the transaction of `schema.py`."""

from alembic import context

from muster.stores.schema import VERSION_TABLE
from muster.stores.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
