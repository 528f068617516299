"""Where the desk keeps calls: embedded SQLite with forward migrations."""
