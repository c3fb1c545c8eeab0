"""croissant.json of a dataset: its files and columns in MLCommons' Croissant 1.0, for tools that read it.

Croissant knows no nested tables and no times of day; such columns are left out of the description, not of the data.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from batchgen.dataset.index.column_docs import describe_column
from batchgen.dataset.publish.stats import DatasetStats
from batchgen.dataset.publish.terms import Terms

# As the Croissant 1.0 specification prescribes it, word for word: readers compare.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TABLE = "metadata.parquet"
_RECORDS = "records"


def render_croissant(name: str, digest: str, stats: DatasetStats, schema: pa.Schema, terms: Terms) -> bytes:
    """Return the description as JSON. digest: SHA-256 of metadata.parquet, in hexadecimal."""
    images, prompts, models = stats.counts.images, stats.overview.prompts, ", ".join(stats.counts.models)
    description: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": f"{images} images generated from {prompts} prompts by {models}.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": _TABLE,
                "name": _TABLE,
                "contentUrl": _TABLE,
                "encodingFormat": "application/x-parquet",
                "sha256": digest,
            },
            {
                "@type": "cr:FileSet",
                "@id": "images",
                "name": "images",
                "encodingFormat": list(stats.counts.formats) or ["image/png"],
                "includes": "images/*/*",
            },
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": _RECORDS, "name": _RECORDS, "field": [_image(), *_fields(schema)]}
        ],
    }
    said = {"license": terms.license, "version": terms.version, "citeAs": terms.citation}
    description |= {key: value for key, value in said.items() if value is not None}
    if stats.counts.last_finished_at is not None:
        description["datePublished"] = f"{stats.counts.last_finished_at:%Y-%m-%dT%H:%M:%S}Z"
    return msgspec.json.format(msgspec.json.encode(description))


def _image() -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_RECORDS}/image",
        "name": f"{_RECORDS}/image",
        "description": "the image",
        "dataType": "sc:ImageObject",
        "source": {"fileSet": {"@id": "images"}, "extract": {"fileProperty": "content"}},
    }


def _fields(schema: pa.Schema) -> list[dict[str, Any]]:
    fields = []
    for column in schema:
        kind, repeated = _data_type(column.type)
        if kind is None:
            continue
        field: dict[str, Any] = {
            "@type": "cr:Field",
            "@id": f"{_RECORDS}/{column.name}",
            "name": f"{_RECORDS}/{column.name}",
            "description": describe_column(column.name),
            "dataType": kind,
            "source": {"fileObject": {"@id": _TABLE}, "extract": {"column": column.name}},
        }
        if repeated:
            field["repeated"] = True
        if column.name == "file_name":
            # Joined by name and not by path: mlcroissant compares a path with text and finds no two equal.
            field["source"]["transform"] = {"regex": "^(?:.*/)?([^/]+)$"}
            field["references"] = {"fileSet": {"@id": "images"}, "extract": {"fileProperty": "filename"}}
        fields.append(field)
    return fields


def _data_type(kind: Any) -> tuple[str | None, bool]:
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner, nested = _data_type(kind.value_type)
        return (None, False) if nested else (inner, True)
    if types.is_boolean(kind):
        return "sc:Boolean", False
    if types.is_integer(kind):
        return "sc:Integer", False
    if types.is_floating(kind) or types.is_decimal(kind):
        return "sc:Float", False
    if types.is_timestamp(kind) or types.is_date(kind):
        return "sc:Date", False
    if types.is_string(kind) or types.is_large_string(kind):
        return "sc:Text", False
    return None, False
