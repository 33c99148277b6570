"""The questions of `deploy/questions.sql`, asked by several engines over one store."""
