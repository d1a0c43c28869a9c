"""A fitted model as an object: what a notebook shows of it."""

from xml.etree import ElementTree

import erblock

SIZE = 60


def shown(model):
    """Return the cells of the table by the names of their rows."""
    table = ElementTree.fromstring(model._repr_html_())
    return {row.findtext("th"): "".join(row.find("td").itertext()) for row in table.iter("tr")}


def test_a_notebook_shows_what_a_model_is(products):
    left, right = products(SIZE)
    rows = shown(erblock.fit(left, right, method="minhash"))
    assert (rows["hash"], rows["columns"], rows["bands"]) == ("minhash", "name, price", "128")
    assert rows["holds"] == "weights of the columns"


def test_labels_are_named_and_names_are_shown_as_text(products):
    left, right = (table.rename({"name": "<script>alert(1)</script>"}) for table in products(SIZE))
    labels = left.select(left_id="id", right_id=right["id"], label=1)[:20]
    model = erblock.fit(left, right, method="minhash", labels=labels)
    assert "<script>" not in model._repr_html_()
    rows = shown(model)
    assert rows["columns"] == "<script>alert(1)</script>, price"
    assert rows["holds"].endswith("labels of pairs")
