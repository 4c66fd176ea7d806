"""Modules as one script: the forms that are known, and those that are refused."""

import pytest

from coral.http.page.bundle import BundleError, bundled

VENDORED = "var a=1,e=(()=>2)();export{a as h,e as html};"
MODULES = {
    "report.js": 'import { one } from "./components/one.js";\none(1);\n',
    "components/one.js": (
        'import { html as h, two } from "./two.js";\n'
        'import { three } from "../three.js";\n\n'
        "export function one(x) {\n  return h + two + three;\n}\n"
        "export const ONE = 1;\n"
    ),
    "components/two.js": 'export { h as two, html } from "../vendor/x.js";\n',
    "three.js": "const inner = 3;\nexport const three = inner;\n",
    "vendor/x.js": VENDORED,
}


def test_every_module_is_there_once_before_who_imports_it() -> None:
    """Names are given as they are imported and exported; nothing is left to be fetched."""
    assert """\
// vendor/x.js
const $$0 = (() => {
var a=1,e=(()=>2)();
return { h: a, html: e };
})();
// components/two.js
const $$1 = (() => {
const { h: two, html } = $$0;
return { two, html };
})();
// three.js
const $$2 = (() => {
const inner = 3;
const three = inner;
return { three };
})();
// components/one.js
const $$3 = (() => {
const { html: h, two } = $$1;
const { three } = $$2;

function one(x) {
  return h + two + three;
}
const ONE = 1;
return { one, ONE };
})();
// report.js
const $$4 = (() => {
const { one } = $$3;
one(1);
return {  };
})();
""" == bundled("report.js", MODULES.__getitem__)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('import x from "./x.js";\n', "report.js: `import x from"),
        ('import { x } from "x";\n', "report.js: `import { x } from"),
        ("export default 1;\n", "report.js: `export default 1;`"),
        ('const end = "</SCRIPT>";\n', "no script in a page may hold </SCRIPT"),
        ('const end = "<!--";\n', "no script in a page may hold <!--"),
        ('import { x } from "./report.js";\n', "in a circle: report.js -> report.js"),
    ],
)
def test_what_is_not_known(text: str, told: str) -> None:
    """Is refused with its place, and never left as it is."""
    with pytest.raises(BundleError) as caught:
        bundled("report.js", {"report.js": text}.__getitem__)
    assert told in str(caught.value)
