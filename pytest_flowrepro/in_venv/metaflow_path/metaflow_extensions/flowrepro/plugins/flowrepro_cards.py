"""Keep the cards of a rerun in its datastore, where Metaflow's own `get_cards` looks for them.

CardDatastore.get_storage_root (metaflow/plugins/cards/card_datastore.py) knows nothing of
METAFLOW_DATASTORE_SYSROOT_LOCAL: it takes the first `.metaflow` from the working directory
upwards, which may be the user's. METAFLOW_CARD_LOCALROOT does not help: Metaflow 2.19 ignores it.
"""

import os

from metaflow.metaflow_config import CARD_SUFFIX
from metaflow.plugins.cards.card_datastore import CardDatastore
from metaflow.plugins.datastores.local_storage import LocalStorage


def _in_the_datastore(storage_type):
    return os.path.join(LocalStorage.get_datastore_root_from_config(print), CARD_SUFFIX)


CardDatastore.get_storage_root = staticmethod(_in_the_datastore)
