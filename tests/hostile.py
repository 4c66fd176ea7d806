"""Names that somebody may have thought of to hurt whoever shows them."""

HOSTILE = (
    "<script>evil()</script>",
    "a/b/../../../etc/passwd",
    "..",
    "shop?limit=1#evil",
    "shop%2f%00",
    "sh\x1b[31mop\r\nevil: 1",
    "\u202epohs\u2066",
    'shop",le="evil"} 1\n# TYPE evil counter',
    "x" * 512,
    "\x00",
    "{system}",
    " ",
    "shop\u00e9\U0001f4a5",
)
