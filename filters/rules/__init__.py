"""The filters themselves, one file each; `filters.filter_kinds` finds them here."""
