"""The report as one HTML page: a static page with inline figures, and what a script needs to make them react.

`page` fills the template, `svg` turns figures into parts of the page, `data` gathers what the script shows, `curves`
thins it. `style.css` and `page.js` are the page's own; `plot.min.js` is Observable Plot with the parts of d3 that it
uses (`plot.LICENSE.txt` has versions, licences and the command that made the file).
"""
