"""The two experiments of the page: they train their nets here and hand them to the census like any other."""
