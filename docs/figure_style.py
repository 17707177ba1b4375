"""How the project's figures look: one ink, one colour for the truth, no frames."""

INK, TRUTH = "#30343a", "#d98a1f"
STYLE = {
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
