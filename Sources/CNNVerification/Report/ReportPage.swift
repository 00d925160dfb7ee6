/// What every report has around its content: style and script, in the file itself. It loads nothing, and without script it is
/// only not sortable.
enum ReportPage {
    static func document(title: String, _ body: HTML) -> String {
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title><style>\(style)</style></head>
            <body><main>\(body)</main><script>\(script)</script></body></html>

            """
        return page.text
    }

    private static let style: HTML = """
        :root{--page:#fff;--ink:#1b1f24;--soft:#5b6673;--line:#d5dbe1;--panel:#f5f7f9;--right:#1a7f4b;--right-bg:#dff3e7;
        --wrong:#b3261e;--wrong-bg:#fbe0dd;--fed:#8a5a00;--fed-bg:#fdf0d2;--bar:#4f7cac;--link:#1f5fa8;
        --d0:#eef1f4;--d1:#fbd9b5;--d2:#f5b27a;--d3:#e8834a;--d4:#c9502c;--d5:#8c2515}
        @media (prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e6e9ed;--soft:#9aa6b2;--line:#343c45;--panel:#1d232a;
        --right:#6fd39b;--right-bg:#173526;--wrong:#ff9b92;--wrong-bg:#4a1c19;--fed:#f0c36a;--fed-bg:#40310f;--bar:#7fa8d6;--link:#8fbcf0;
        --d0:#232a31;--d1:#4d3420;--d2:#7a4423;--d3:#b05a2b;--d4:#e0793d;--d5:#ffb27a}}
        *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:1100px;margin:0 auto;padding:16px}h1{font-size:1.5rem;margin:.2em 0;overflow-wrap:anywhere}
        h2{font-size:1.15rem;margin:2em 0 .5em;border-bottom:1px solid var(--line);padding-bottom:.2em}
        h3{font-size:1rem;margin:1.2em 0 .3em;overflow-wrap:anywhere}p{margin:.4em 0}nav{display:flex;flex-wrap:wrap;gap:.2em 1em;font-size:.9rem}a{color:var(--link)}.soft,figcaption{color:var(--soft);font-size:.9rem}
        .verdict{border-left:6px solid;padding:.7em 1em;border-radius:4px;font-size:1.1rem;margin:1em 0;overflow-wrap:anywhere}
        .verdict.passed{background:var(--right-bg);border-color:var(--right)}
        .verdict.mismatch{background:var(--wrong-bg);border-color:var(--wrong)}
        .verdict.incomplete{background:var(--fed-bg);border-color:var(--fed)}
        pre{background:var(--panel);padding:.8em;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem;line-height:1.45}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;width:100%}
        th,td{padding:.3em .6em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
        th.text,td.text{text-align:left}td.name{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:9em}
        thead th{background:var(--panel);position:sticky;top:0}th button{all:unset;cursor:pointer;width:100%}
        th button:focus-visible{outline:2px solid var(--bar)}th[aria-sort=ascending] button::after{content:" ▲"}
        th[aria-sort=descending] button::after{content:" ▼"}tr.wrong td{background:var(--wrong-bg)}tr.fed td{background:var(--fed-bg)}
        .badge{display:inline-block;border-radius:3px;padding:0 .45em;font-weight:600}.badge.match{background:var(--right-bg);color:var(--right)}
        .badge.mismatch{background:var(--wrong-bg);color:var(--wrong)}.badge.other{background:var(--fed-bg);color:var(--fed)}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;margin:.5em 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
        svg{display:block;height:auto}svg.network{width:100%;margin:0 auto}.edges path{fill:none;stroke:var(--soft);stroke-width:1.2;opacity:.65}
        .node rect{fill:var(--panel);stroke:var(--line);stroke-width:1.2}.node text{fill:var(--ink);font:10px system-ui,sans-serif}
        .node .operator{font-weight:600;font-size:11px}.node .note{text-anchor:end}.node .name{fill:var(--soft)}
        .node.right rect{fill:var(--right-bg);stroke:var(--right)}.node.wrong rect{fill:var(--wrong-bg);stroke:var(--wrong);stroke-width:2.5}
        .node.fed rect{fill:var(--fed-bg);stroke:var(--fed)}.legend{display:flex;flex-wrap:wrap;gap:.3em 1.2em;margin:.5em 0;font-size:.9rem}
        .legend i{display:inline-block;width:1em;height:1em;border-radius:3px;border:1.5px solid;vertical-align:-.15em;margin-right:.4em}
        .legend .right{background:var(--right-bg);border-color:var(--right)}.legend .wrong{background:var(--wrong-bg);border-color:var(--wrong)}
        .legend .fed{background:var(--fed-bg);border-color:var(--fed)}.legend .unknown{background:var(--panel);border-color:var(--line)}
        .maps{display:flex;flex-wrap:wrap;gap:1em}figure{margin:.5em 0}svg.map{border:1px solid var(--line);max-width:100%}
        .d0{fill:var(--d0)}.d1{fill:var(--d1)}.d2{fill:var(--d2)}.d3{fill:var(--d3)}.d4{fill:var(--d4)}.d5{fill:var(--d5)}
        svg.histogram{width:100%}.bar{fill:var(--bar)}.bar.outside{fill:var(--wrong)}.limit{stroke:var(--wrong);stroke-width:1.5;stroke-dasharray:4 3}
        .tick{fill:var(--soft);font:9px system-ui,sans-serif}
        @media (max-width:600px){main{padding:10px}dl{grid-template-columns:1fr}dt{margin-top:.3em}}
        @media print{nav{display:none}body{font-size:11pt}main{max-width:none;padding:0}thead th{position:static}.scroll{overflow:visible}
        table{font-size:7pt}th,td{padding:.15em .3em;white-space:normal}tr,figure,.verdict,.node{break-inside:avoid}h2,h3{break-after:avoid}
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """

    /// Makes the heads of tables sort their rows, by number where all cells are numbers (`data-v`), else by text.
    private static let script: HTML = """
        document.querySelectorAll("table.sortable").forEach(function(t){t.querySelectorAll("thead th").forEach(function(h,c){\
        var b=document.createElement("button");b.textContent=h.textContent;h.textContent="";h.appendChild(b);\
        b.addEventListener("click",function(){var up=h.getAttribute("aria-sort")!=="ascending";\
        t.querySelectorAll("thead th").forEach(function(o){o.removeAttribute("aria-sort")});\
        h.setAttribute("aria-sort",up?"ascending":"descending");var body=t.tBodies[0];\
        var key=function(r){var d=r.cells[c];var v=d.getAttribute("data-v");return v===null?d.textContent:parseFloat(v)};\
        Array.from(body.rows).sort(function(x,y){var p=key(x),q=key(y);var n=typeof p==="number",m=typeof q==="number";\
        var o=n&&m?(isNaN(p)?-1:p)-(isNaN(q)?-1:q):n?-1:m?1:p.localeCompare(q);return up?o:-o})\
        .forEach(function(r){body.appendChild(r)})})})});
        """
}
