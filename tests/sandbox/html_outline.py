"""A page taken apart, strictly: a tag left open or closed twice is an error."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["Outline", "outline"]

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Outline(HTMLParser):
    """Tags with their attributes, in order, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} repeats an attribute"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], f"stray </{tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def finish(self) -> None:
        self.close()
        assert not self._open, f"left open: {self._open}"

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags and names of attributes: what markup in a field would change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]

    def values(self, tag: str, attribute: str) -> list[str]:
        return [
            value
            for name, attributes in self.tags
            if name == tag and (value := attributes.get(attribute)) is not None
        ]

    def every(self, attribute: str) -> list[str]:
        return [
            value
            for _, attributes in self.tags
            if (value := attributes.get(attribute)) is not None
        ]


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    parsed.finish()
    return parsed
