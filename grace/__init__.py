"""Grace: closed-loop improvement of automated systems, approved by a person and proven."""
