"""The rules that the house keeps, as tests."""
