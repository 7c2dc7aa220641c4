"""The paper's questions Q1 to Q7 as protocols, tables and figures: one recipe a row."""
