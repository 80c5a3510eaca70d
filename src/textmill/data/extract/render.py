"""Chosen blocks as text that reads well: paragraphs, lists, tables in Markdown, code as it was indented.

paragraphs and headings    a blank line between them
lists                      "  • item", "  1. item", two blanks more for a list in a list
tables                     | a | b |, one row a line, the line of dashes after the first
preformatted text          its own lines
"""

from textmill.data.extract.blocks import Block, Blocks

LISTS = frozenset({"ul", "ol", "menu", "dir"})
CELLS = frozenset({"td", "th"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BULLET = "•"
WIDEST_CELL = 400
MOST_BULLETS = 8


class Renderer:
    """Writes the blocks of one page in order; remembers the last block's list, table and row."""

    def __init__(self, page: Blocks) -> None:
        self.page = page
        self.lines: list[str] = []
        self.numbers = item_numbers(page)
        self.tables = data_tables(page)
        self.last_item = self.last_row = self.last_table = -1
        self.last_kind = ""

    def add(self, block: Block) -> None:
        """Writes one block."""
        kind, item, row, table = self.place(block)
        if kind == "cell":
            self.add_cell(block.text, item, row, table)
        elif kind == "item":
            self.add_item(block.text, item)
        else:
            self.lines += ["", block.text]
        self.last_kind, self.last_item, self.last_row, self.last_table = kind, item, row, table

    def place(self, block: Block) -> tuple[str, int, int, int]:
        """Returns what a block is (cell, item or text), and its list item or cell, row and table."""
        tags, parents = self.page.tags, self.page.parents
        number = block.container
        cell = row = -1
        while number > 0:
            tag = tags[number]
            if tag in HEADINGS or tag == "pre":
                return ("text", -1, -1, -1)
            if tag == "li":
                return ("item", number, -1, -1)
            if tag in CELLS:
                cell = number
            if tag == "tr":
                row = number
            if tag == "table":
                return ("cell", cell, row, number) if number in self.tables and row >= 0 else ("text", -1, -1, -1)
            number = parents[number]
        return ("text", -1, -1, -1)

    def add_cell(self, text: str, cell: int, row: int, table: int) -> None:
        """Writes a cell of a table of data."""
        text = text.replace("\n", " ").replace("|", "\\|")
        if row == self.last_row and cell == self.last_item:
            self.lines[-1] = f"{self.lines[-1][:-2]} {text} |"
            return
        if row == self.last_row:
            self.lines[-1] = f"{self.lines[-1]} {text} |"
            return
        if table != self.last_table:
            self.lines.append("")
        elif self.lines[-2:-1] == [""]:
            self.lines.append("|" + " --- |" * (self.lines[-1].replace("\\|", "").count("|") - 1))
        self.lines.append(f"| {text} |")

    def add_item(self, text: str, item: int) -> None:
        """Writes a list item, or more of one."""
        depth, mark = self.depth(item), self.numbers.get(item, BULLET)
        if item == self.last_item:
            self.lines.append("    " * depth + text)
            return
        if self.last_kind != "item":
            self.lines.append("")
        self.lines.append(f"{'  ' * depth}{mark} {text}")

    def depth(self, item: int) -> int:
        """Returns in how many lists an item stands."""
        depth, number = 0, self.page.parents[item]
        while number > 0 and depth < MOST_BULLETS:
            depth += self.page.tags[number] in LISTS
            number = self.page.parents[number]
        return max(1, depth)

    def text(self) -> str:
        """Returns what was written."""
        return "\n".join(self.lines).strip("\n")


def item_numbers(page: Blocks) -> dict[int, str]:
    """Returns {container of an item: "1."} for the items of numbered lists."""
    counts: dict[int, int] = {}
    found: dict[int, str] = {}
    for number, (tag, parent) in enumerate(zip(page.tags, page.parents, strict=True)):
        if tag == "li" and parent >= 0 and page.tags[parent] == "ol":
            counts[parent] = counts.get(parent, 0) + 1
            found[number] = f"{counts[parent]}."
    return found


def data_tables(page: Blocks) -> set[int]:
    """Returns the tables that hold data and are no layout: rows of several short cells, none with a block in it."""
    if "table" not in page.tags:
        return set()
    cells: dict[int, list[int]] = {}
    rows: dict[int, set[int]] = {}
    seen: dict[int, int] = {}
    layout: set[int] = set()
    for block in page.blocks:
        cell = row = -1
        for number in page.ancestors(block.container):
            tag = page.tags[number]
            if tag in CELLS and cell < 0:
                cell = number
            elif tag == "tr" and row < 0:
                row = number
            elif tag == "table":
                cells.setdefault(number, []).append(cell)
                rows.setdefault(number, set()).add(row)
                seen[cell] = seen.get(cell, 0) + 1
                if cell < 0 or row < 0 or len(block.text) > WIDEST_CELL or seen[cell] > 3:
                    layout.add(number)
                cell = row = -1
    return {
        table for table, found in cells.items()
        if table not in layout and len(rows[table]) > 1 and len(set(found)) > 1.4 * len(rows[table])
    }  # fmt: skip
