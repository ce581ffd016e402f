"""What people write, as HTML: Markdown of a short list, everything else shown as it was typed.

Raw HTML, images and styles are not on the list, so they come out as text; links lead to the web or to a mail only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

ALLOWED = ["emphasis", "strikethrough", "link", "autolink", "backticks", "list", "blockquote", "fence", "escape"]
SCHEMES = {"http", "https", "mailto"}
LONGEST = 20_000  # more than any field takes
DEEPEST = 20  # quotes and lists inside each other


def to_html(text: str, mentioned: Sequence[str] = ()) -> str:
    """Return safe HTML of `text`, in which the names of those `mentioned` are marked where they are called by @."""
    return _to_html(text[:LONGEST], tuple(sorted(mentioned, key=len, reverse=True)))


@lru_cache(maxsize=2048)
def _to_html(text: str, mentioned: tuple[str, ...]) -> str:
    return PARSER.render(text, {"mentioned": mentioned}).strip()


def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero", {"breaks": True, "maxNesting": DEEPEST}).enable([*ALLOWED, "newline"])
    parser.validateLink = _leads_out  # type: ignore[method-assign]
    parser.inline.ruler.before("emphasis", "mention", _mention)
    parser.core.ruler.push("empty_links", _empty_links)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("fence", _fence)
    return parser


def _leads_out(url: str) -> bool:
    """Whether a link goes to an address of the web or to a mail: nothing relative, nothing that runs."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    target = parts.path if parts.scheme.lower() == "mailto" else parts.netloc
    return parts.scheme.lower() in SCHEMES and bool(target) and url.isprintable()


def _empty_links(state: StateCore) -> None:
    """Leave “[text]()” as it was typed: a link without an address is not asked whether it leads out."""
    for block in state.tokens:
        is_empty = False
        for token in block.children or []:
            if token.type == "link_open":
                is_empty = not token.attrs.get("href")
            if is_empty and token.type in {"link_open", "link_close"}:
                token.content = "[" if token.type == "link_open" else "]()"
                token.type, token.tag, token.nesting = "text", "", 0


def _link_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    token.attrs = {"href": token.attrs["href"], "rel": "noopener nofollow"}
    return self.renderToken(tokens, index, options, env)


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    tokens[index].info = ""
    return self.fence(tokens, index, options, env)


def _mention(state: StateInline, silent: bool) -> bool:
    """Mark “@Ana Kovač” where she is among the mentioned."""
    if state.src[state.pos] != "@":
        return False
    after = state.src[state.pos + 1 :]
    name = next((one for one in state.env.get("mentioned", ()) if after.startswith(one)), None)
    if name is None or after[len(name) : len(name) + 1].isalnum():
        return False
    if not silent:
        token = state.push("mention_open", "b", 1)
        token.attrs = {"class": "mention"}
        state.push("text", "", 0).content = f"@{name}"
        state.push("mention_close", "b", -1)
    state.pos += len(name) + 1
    return True


PARSER = _parser()
