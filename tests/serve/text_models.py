"""Models that take and give texts, made from specs: one labels words, one spells, one takes words
by their letters, one hears waves, and one looks at its whole batch."""

from __future__ import annotations

from pathlib import Path

from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network, meaning_of
from dlspec.driver.training import open_splits
from dlspec.randomness import initial_weights
from dlspec.source import SourceFile
from dlspec.text import SPECIAL
from dlspec.train import TrainOptions, train

WORDS = ("to", "be", "or", "not")
SPEC = """
data lines {
    file  = csv("lines.csv")
    words = vocabulary(file.a, by = words, size = 7)
    tags  = vocabulary(file.b, by = words, size = 6)
    grams = vocabulary(file.c, by = trigrams, size = 10)
    output word: int[N, <=T] of words = file.a
    output tag:  int[N, <=T] of tags  = file.b
    output gram: int[N, <=T, <=G] of grams = file.c
}
const feelings = vocabulary("negative", "positive")

network tagger(words, tags) {
    input word: int[N, <=T] of words
    h = word -> embed(words.size, 8) -> bidirectional(lstm(16))
    output scores = h -> dense(tags.size)
    output tag: int[N, <=T] of tags = argmax(scores)
    logits = mean(h, axis = T) -> dense(2)
    output probability = softmax(logits)
    output feeling: int[N] of feelings = argmax(logits)
}
network hasher(words, grams) {
    input word: int[N, <=T] of words
    input gram: int[N, <=T, <=G] of grams
    seen = gram -> embed(grams.size, 4) -> sum(axis = G)
    output middle = concat(seen, word -> embed(words.size, 4)) -> mean(axis = T)
}
network hearer() {
    input wave: float[N, <=S]
    output loud = mean(abs(wave), axis = S)
}
network crowd(words) {
    input word: int[N, <=T] of words
    h = word -> embed(words.size, 4) -> mean(axis = T)
    output apart = h - mean(h, axis = N)
}
recipe tag for tagger(lines.words, lines.tags) on lines { minimize mean(scores ** 2) with sgd(0.1) }
recipe hash for hasher(lines.words, lines.grams) on lines {
    minimize mean(middle ** 2) with sgd(0.1)
}
recipe gather for crowd(lines.words) on lines { minimize mean(apart ** 2) with sgd(0.1) }
engine edge for tag { targets = onnxruntime; batch = 1..32; T = 1..16 }
"""
KNOWN = {
    "lines.words": (*SPECIAL, *WORDS),
    "lines.tags": (*SPECIAL, "x", "y", "z"),
    "lines.grams": (*SPECIAL, "#to", "to#", "#be", "be#", "#or", "or#", "not"),
}

SPELLER = """
data sounds {
    file    = csv("sounds.csv")
    letters = vocabulary(file.word, by = characters, size = 8)
    phones  = vocabulary(file.sound, by = words, size = 7)
    output word:  int[N, <=S] of letters = file.word
    output sound: int[N, <=T] of phones  = ending(file.sound)
    split = random(80%, 20%)
}
cell speaker(phones, units) {
    input phone: int[N]
    input keys: float[N, <=S, K]
    input memory: float[N, <=S, D]
    state h: float[N, units] = 0
    seen, focus = attend(h, keys, memory)
    h' = concat(phone -> embed(phones, 8), seen) -> gru(units)
    output scores = concat(h', seen) -> dense(phones)
    output focus
}
network speller(letters, phones, units = 24) {
    input word: int[N, <=S] of letters
    input sound: int[N, <=T] of phones  when training
    heard = word -> embed(letters.size, 8) -> scan(gru(units))
    keys = heard -> dense(units)
    decoder = speaker(phones.size, units)
    before = shift(sound, phones.start)  when training
    scores = scan(decoder, phone = before, keys = keys, memory = heard, h = heard.final).scores
        when training
    said = generate(decoder, keys = keys, memory = heard, h = heard.final, start = phones.start,
        stop = phones.stop, at_most = 7)
    output phonemes: int[N, <=L] of phones = said.phone
    output focus = said.focus
}
recipe learn for speller(sounds.letters, sounds.phones) on sounds {
    minimize cross_entropy(scores, sounds.sound)
    optimizer = adam(0.02); clip = norm(1); batch = 16; epochs = 16
}
engine edge for learn { targets = onnxruntime; batch = 1..32; S = 1..8 }
"""
SOUNDS = {"a": "AH", "b": "BEE EE", "c": "SEE"}


def sound(word: str) -> str:
    """What the speller has learnt to say of a word of `a`, `b` and `c`: its last two letters."""
    return " ".join(SOUNDS[letter] for letter in word[-2:])


def built(name: str, folder: Path) -> Path:
    """The bundle of a network with fresh weights and known words."""
    source = SourceFile("lines.dl", SPEC)
    plan = Compilation(source, folder).spec.networks[name]
    options = BuildOptions(folder / "build", use_torch=False, fast=True)
    return build_network(plan, initial_weights(plan.graph, 0), source, options, words=KNOWN).folder


def spelling(folder: Path) -> Path:
    """The bundle of the speller, after a few seconds of training."""
    words = [a + b + c for a in ("", *"abc") for b in "abc" for c in "abc"]
    lines = ["word,sound", *(f"{w},{sound(w)}" for w in words * 4)]
    (folder / "sounds.csv").write_text("\n".join(lines) + "\n")
    source = SourceFile("sounds.dl", SPELLER)
    compilation = Compilation(source, folder)
    recipe = compilation.recipe("learn")
    splits = open_splits(compilation, recipe)
    options = TrainOptions(run_dir=folder / "run", threads=1, matmul="highest", quiet=True)
    result = train(recipe, splits, options)
    network = compilation.networks["speller"]
    made = build_network(
        network,
        result.weights["speller"],
        source,
        BuildOptions(folder / "build", use_torch=False, fast=True),
        training={"graph": meaning_of(network.graph)},
        words=splits.vocabularies,
    )
    return made.folder
