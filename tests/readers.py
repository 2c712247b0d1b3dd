"""Reads exported files with the usual readers of their formats and prints what each found as JSON.

Usage: readers.py SESSION/READER=FILE ...
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

import audformat
import crowsetta
import jsonschema
import pandas
import parselmouth
import pympi
import webvtt
from praatio import textgrid

EMOTIONML = "{http://www.w3.org/2009/10/emotionml}"


def ms(seconds):
    return round(seconds * 1000)


def nothing_if_missing(value):
    return None if pandas.isna(value) else value


def read_csv(path):
    table = pandas.read_csv(path, keep_default_na=False)
    return {"columns": list(table.columns), "rows": table.to_dict("records")}


def read_webvtt(path):
    file = webvtt.read(path)
    cues = [[cue.start, cue.end, cue.voice, cue.text] for cue in file.captions]
    return {"cues": cues, "comments": path.read_text(encoding="utf-8").count("NOTE ")}


def read_textgrid_with_praat(path):
    grid = parselmouth.read(str(path))
    call = parselmouth.praat.call
    tiers = []
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        name = call(grid, "Get tier name", tier)
        if call(grid, "Is interval tier", tier):
            entries = [[ms(call(grid, "Get start time of interval", tier, i)),
                        ms(call(grid, "Get end time of interval", tier, i)),
                        call(grid, "Get label of interval", tier, i)]
                       for i in range(1, call(grid, "Get number of intervals", tier) + 1)]
        else:
            entries = [[ms(call(grid, "Get time of point", tier, i)), None,
                        call(grid, "Get label of point", tier, i)]
                       for i in range(1, call(grid, "Get number of points", tier) + 1)]
        tiers.append([name, entries])
    return {"end": ms(grid.xmax), "tiers": tiers}


def read_textgrid_with_praatio(path):
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    tiers = []
    for tier in grid.tiers:
        if isinstance(tier, textgrid.IntervalTier):
            entries = [[ms(e.start), ms(e.end), e.label] for e in tier.entries]
        else:
            entries = [[ms(e.time), None, e.label] for e in tier.entries]
        tiers.append([tier.name, entries])
    return {"end": ms(grid.maxTimestamp), "tiers": tiers}


def read_elan(path):
    file = pympi.Elan.Eaf(str(path))
    tiers = [[name, file.tiers[name][2]["ANNOTATOR"],
              [list(a[:3]) for a in sorted(file.get_annotation_data_for_tier(name))]]
             for name in file.get_tier_names()]
    return {"tiers": tiers, "properties": file.properties,
            "media": [media["MEDIA_URL"] for media in file.media_descriptors]}


def read_audacity(path):
    labels = crowsetta.formats.seq.AudSeq.from_file(path)
    return [[ms(start), ms(end), label]
            for start, end, label in zip(labels.start_times, labels.end_times, labels.labels)]


def read_emotionml(path):
    root = ElementTree.parse(path).getroot()
    vocabularies = {"#" + vocabulary.get("id"): [item.get("name") for item in vocabulary]
                    for vocabulary in root.iter(EMOTIONML + "vocabulary")}
    emotions = []
    for emotion in root.iter(EMOTIONML + "emotion"):
        named = {kind: [[e.get("name"), e.get("confidence") or e.get("value")]
                        for e in emotion.iter(EMOTIONML + kind)]
                 for kind in ("category", "dimension")}
        start = int(emotion.get("offset-to-start"))
        emotions.append([emotion.get("id"), start, start + int(emotion.get("duration")),
                         emotion.get("time-ref-uri"), named["category"], named["dimension"],
                         emotion.find(EMOTIONML + "info").text])
    return {"root": [root.tag, root.attrib], "vocabularies": vocabularies, "emotions": emotions,
            "info": "".join(root.find(EMOTIONML + "info").itertext())}


def read_audformat(path):
    table = audformat.utils.read_csv(str(path), as_dataframe=True, dtype={"emotion": str})
    assert audformat.is_segmented_index(table.index), table.index
    rows = [[file, ms(start.total_seconds()), ms(end.total_seconds())]
            + [nothing_if_missing(value) for value in row]
            for (file, start, end), row in zip(table.index, table.itertuples(index=False))]
    return {"columns": list(table.columns), "rows": rows}


def check_schemas(path):
    return ["; ".join(error.message for error in
                      jsonschema.Draft202012Validator(check["schema"]).iter_errors(check["instance"]))
            for check in json.loads(path.read_text(encoding="utf-8"))]


READERS = {
    "csv": read_csv,
    "webvtt": read_webvtt,
    "textgrid": read_textgrid_with_praat,
    "praatio": read_textgrid_with_praatio,
    "elan": read_elan,
    "audacity": read_audacity,
    "emotionml": read_emotionml,
    "audformat": read_audformat,
    "schemas": check_schemas,
}

found = collections.defaultdict(dict)
for argument in sys.argv[1:]:
    name, path = argument.split("=", 1)
    session, reader = name.split("/")
    found[session][reader] = READERS[reader](pathlib.Path(path))
print(json.dumps(found))
