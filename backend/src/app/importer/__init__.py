"""CSV → checked rows → staging tables → catalogue, and the generator of such files.

Import from the modules: `contract` and `generator` are light, `pipeline` pulls in pandas.
"""
