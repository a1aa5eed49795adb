// Text to ids by a bundle's manifest, as any other language would do it.
// usage: node encode.mjs; reads {"classes": […], "by": "words", "nested": false, "texts": […]}
const task = JSON.parse(await new Promise((done) => {
    let text = "";
    process.stdin.on("data", (part) => (text += part)).on("end", () => done(text));
}));
const ids = new Map(task.classes.map((word, id) => [word, id]));
const words = (text) => text.match(/[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu) ?? [];
const hexadecimal = (byte) => byte.toString(16).padStart(2, "0");
const trigrams = (word) => {
    const marked = [..."#" + word + "#"];
    return marked.slice(2).map((_, i) => marked.slice(i, i + 3).join(""));
};
const pieces = {
    words,
    characters: (text) => [...text],
    bytes: (text) => [...new TextEncoder().encode(text)].map(hexadecimal),
    trigrams: (text) => words(text).flatMap(trigrams),
    items: (text) => [text],
}[task.by];
const lines = (text) => text.split(/\r\n|\n|\r/).filter((line, i, all) => line !== "" || i + 1 < all.length);
const parts = (text) => (task.by === "words" ? lines(text) : words(text));
const encoded = (text) => pieces(text).map((piece) => ids.get(piece) ?? 0);
console.log(JSON.stringify(task.texts.map((t) => (task.nested ? parts(t).map(encoded) : encoded(t)))));
