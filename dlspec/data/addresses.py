"""Real addresses of the United States, each word labelled by hand with the part it is."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.packages import ADDRESSES
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt
from dlspec.source import Span


def read_usaddress(span: Span | None = None) -> Columns:
    """``tokens``, a text as it was written (`8128 S. DR MARTIN LUTHER KING JR Drive`); ``tags``,
    the slot of each of its words with blanks between (`AddressNumber StreetNamePreDirectional
    StreetName …`); ``alike``, the address in lower case, which twenty-six share with another.

    Tags are plain: parts of an address do not stand twice beside each other, so there is nothing
    that marks where one begins. 29 slots of the standard for addresses (FGDC 2011). The package's
    small set of messy addresses is left out: a third of it is in this one.

    Raises:
        DlspecError: DL615 to DL618 where the package cannot be had.
    """
    path = ready(package_named("usaddress")) / ADDRESSES
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise DlspecError(CacheCorrupt(span, "usaddress", str(path), f"({error})")) from error
    addresses = [" ".join("".join(address.itertext()).split()) for address in root]
    return {
        "tokens": np.array(addresses, object),
        "tags": np.array([" ".join(part.tag for part in address) for address in root], object),
        "alike": np.array([address.lower() for address in addresses], object),
    }
