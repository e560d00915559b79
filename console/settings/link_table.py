"""Reads one ``[links.NAME]`` table: what goes where, which fields, and what may come back into the source.

Invariant: a link that could write into its source and must not (a link that only adds, a source that takes
nothing back, a column that says who somebody is) is a fault here, before any job sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adapters import registry
from console.settings.model import nearest
from console.settings.reader import Table, describe
from console.settings.rules import every_fault
from state.model import AddressChange, Blank, Conflict, FieldMapping, ForceUpdate, Link, Mode

_SPELLINGS = 'a column, a list of columns, or { columns = ["…"], blank = "…", two_way = true }'

TablesByKind = Mapping[str, object]
"""The whole file: kinds of tables (``sources`` …) to tables by name."""


def read_link(name: str, table: Table, content: TablesByKind) -> Link:
    """The link of a table; what is wrong with it is noted there."""
    source = _reference(table, "source", "sources", content)
    connection = _reference(table, "connection", "connections", content)
    mode = Mode(table.choice("mode", Mode, Mode.ADD_ONLY))
    consent, consent_column = table.text("consent"), table.text("consent_column")
    if not table.has("consent") and not table.has("consent_column"):
        table.fault(
            "consent",
            "settings-required",
            "consent = … (basis of every addition) or consent_column = …",
            "neither",
        )
    elif consent and consent_column:
        table.fault("consent_column", "settings-value", "either consent or consent_column", "both")
    blank = Blank(table.choice("blank", Blank, Blank.KEEP))
    every = table.text("every")
    if every and (expected := every_fault(every)):
        table.fault("every", "settings-value", expected, describe(every))
    link = Link(
        name=name,
        source=source,
        connection=connection,
        list_id=_list_id(table),
        mode=mode,
        consent=consent.strip(),
        consent_column=consent_column.strip(),
        fields=_fields(table, blank),
        address_change=AddressChange(table.choice("address_change", AddressChange, AddressChange.ASK)),
        every=every.strip(),
        tag=table.text("tag").strip(),
        conflict=Conflict(table.choice("conflict", Conflict, Conflict.ASK)),
        create_contacts=table.flag("create_contacts", False),
        force_update=ForceUpdate(table.choice("force_update", ForceUpdate, ForceUpdate.COMPUTED)),
    )
    table.close()
    _check_ways_back(table, link, _source_table(content, source))
    return link


def fields_value(fields: Iterable[FieldMapping], blank: Blank = Blank.KEEP) -> dict[str, object]:
    """A mapping as the settings write it, each field as shortly as it can be said; for ``connect_link``, ``edit_link``.

    ``blank`` is the link's own policy, which a field need not repeat.
    """
    return {one.target: _field_value(one, blank) for one in fields}


def _field_value(mapping: FieldMapping, blank: Blank) -> object:
    columns: object = mapping.columns[0] if len(mapping.columns) == 1 else list(mapping.columns)
    own: dict[str, object] = {}
    if mapping.blank is not blank:
        own["blank"] = mapping.blank.value
    if mapping.two_way:
        own["two_way"] = True
    if not own:
        return columns
    return {"column" if isinstance(columns, str) else "columns": columns, **own}


def _reference(table: Table, key: str, kind: str, content: TablesByKind) -> str:
    """A name that must stand in another table of the file."""
    name = table.text(key, required=f"the name of one of the {kind}")
    there = content.get(kind)
    known: Mapping[str, object] = there if isinstance(there, dict) else {}
    if name and name not in known:
        expected = "one of " + ", ".join(map(str, known)) if known else f"a table [{kind}.…]"
        table.fault(key, "settings-dangling", expected, describe(name), nearest(name, known))
    return name


def _list_id(table: Table) -> str:
    """Ids are text; platforms that number their lists are written without quotes by many."""
    value = table.content.get("list")
    if isinstance(value, int) and not isinstance(value, bool):
        table.has("list")
        return str(value)
    return table.text("list", required="the id of the remote list").strip()


def _fields(table: Table, blank: Blank) -> tuple[FieldMapping, ...]:
    if not table.has("fields"):
        return ()
    fields = table.inner("fields")
    seen: dict[str, str] = {}
    for target in fields.content:
        first = seen.setdefault(target.strip().casefold(), target)
        if first != target:
            fields.fault(target, "settings-value", "each field once", f"{describe(target)} beside {first!r}")
    return tuple(_field(fields, target, blank) for target in fields.content)


def _field(fields: Table, target: str, blank: Blank) -> FieldMapping:
    fields.has(target)
    if not target.strip():
        fields.fault(target, "settings-value", "the name of a field of the list", "an empty name")
    value = fields.content[target]
    if not isinstance(value, dict):
        return FieldMapping(target, _columns(fields, target, value), blank)
    one = fields.inner(target)
    key = "column" if one.has("column") else "columns"
    if one.has("columns") and key == "column":
        one.fault("columns", "settings-value", "either column or columns", "both")
    own = Blank(one.choice("blank", Blank, blank))
    two_way = one.flag("two_way", False)
    one.close()
    columns = _columns(one, key, one.content.get(key))
    if two_way and len(columns) > 1:
        one.fault(
            "two_way",
            "two-way-not-possible",
            "one column, for a value cannot be taken apart",
            f"{len(columns)} columns",
        )
    return FieldMapping(target, columns, own, two_way)


def _columns(table: Table, key: str, value: object) -> tuple[str, ...]:
    columns = [value] if isinstance(value, str) else value
    if isinstance(columns, list) and columns and all(isinstance(one, str) and one.strip() for one in columns):
        return tuple(one.strip() for one in columns)
    table.fault(
        key,
        "settings-value" if value is not None else "settings-required",
        _SPELLINGS,
        describe(value) if value is not None else "nothing",
    )
    return ()


# --- what may come back into the source --------------------------------------------------------------------


def _source_table(content: TablesByKind, name: str) -> Mapping[str, object]:
    sources = content.get("sources")
    table = sources.get(name) if isinstance(sources, dict) else None
    return table if isinstance(table, dict) else {}


def _check_ways_back(table: Table, link: Link, source: Mapping[str, object]) -> None:
    two_way = [mapping for mapping in link.fields if mapping.two_way]
    if link.create_contacts and not two_way:
        table.fault(
            "create_contacts",
            "two-way-not-possible",
            "a two-way field at least, for a new contact is made of them",
            "none",
        )
    if not two_way:
        return
    fields = table.inner("fields")
    if link.mode is Mode.ADD_ONLY:
        table.fault(
            "mode",
            "two-way-not-possible",
            '"update" or "mirror", because of two_way',
            describe(link.mode.value),
        )
    kind = source.get("kind")
    if isinstance(kind, str) and not _takes_back(kind):
        expected = "a source that takes changes back"
        fields.fault(two_way[0].target, "two-way-not-possible", expected, f"kind {describe(kind)}")
    _check_columns(fields, link, two_way, source)


def _takes_back(kind: str) -> bool:
    try:
        return registry.source_kind(kind).open_writable is not None
    except (KeyError, ImportError):
        return True  # the source's own fault says what is wrong


def _check_columns(
    fields: Table, link: Link, two_way: Sequence[FieldMapping], source: Mapping[str, object]
) -> None:
    """A column that says who somebody is, or what they allowed, is not the platform's to write; nor any one twice."""
    kept = {str(source[key]).strip(): key for key in ("id", "email", "opted_out") if source.get(key)}
    kept[link.consent_column] = "consent_column"
    used: dict[str, str] = {}
    for mapping in two_way:
        for column in mapping.columns:
            if column in kept:
                expected = f"another column than the {kept[column]} of the source"
                fields.fault(mapping.target, "two-way-not-possible", expected, describe(column))
            first = used.setdefault(column, mapping.target)
            if first != mapping.target:
                found = f"{describe(column)}, also in {first}"
                fields.fault(
                    mapping.target, "two-way-not-possible", "each column in one two-way field", found
                )
