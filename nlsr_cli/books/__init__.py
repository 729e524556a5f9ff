"""Comic books: archives of pictures, read under limits and bound again. Knows archives and no pixels."""
