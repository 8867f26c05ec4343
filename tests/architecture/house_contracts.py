"""Two kinds of import contract that import-linter does not have: allow-lists and homes.

Both are named in ``[tool.importlinter]`` of pyproject.toml (``contract_types``); lint-imports loads
them from the repository's root.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application import contract_utils
from importlinter.domain import helpers
from importlinter.domain.imports import ModuleExpression

LINKS = "links"
"""Where the imports that break a contract stand in ``ContractCheck.metadata``."""


class _ListedImportsContract(Contract):
    """What both kinds share: imports that may be left out, and how broken ones are told."""

    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)
    unmatched_ignore_imports_alerting = fields.EnumField(
        contract_utils.AlertLevel, default=contract_utils.AlertLevel.WARN
    )

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """The imports that break the contract, once those to ignore are out of the graph."""
        del verbose
        removed = contract_utils.remove_ignored_imports_and_report(
            graph=graph,
            ignore_imports=self.ignore_imports,
            unmatched_alerting=self.unmatched_ignore_imports_alerting,
        )
        links = [
            f"{importer} -> {imported} (l.{_lines(graph, importer, imported)})"
            for importer, imported in sorted(self.broken_by(graph))
        ]
        return ContractCheck(
            kept=not links,
            warnings=[*removed.warnings, *self.unknown_modules(graph)],
            ignored_import_count=removed.ignored_import_count,
            metadata={LINKS: links},
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that breaks the contract."""
        for link in check.metadata[LINKS]:
            output.print_error(f"- {link}", bold=False)
        output.new_line()

    def broken_by(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        """Pairs of importer and imported module."""
        raise NotImplementedError

    def unknown_modules(self, graph: ImportGraph) -> list[str]:
        """Warnings for modules that the contract names and the graph does not have."""
        del graph
        return []


class AllowedImportsContract(_ListedImportsContract):
    """Of our own modules, ``modules`` and what is below them import only what is ``allowed``.

    ``allowed`` names modules exactly; ``package.**`` stands for all that is below a package.
    """

    type_name = "allowed_imports"
    modules = fields.ListField(subfield=fields.ModuleExpressionField())
    allowed = fields.ListField(subfield=fields.ModuleExpressionField())

    def broken_by(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        """Imports of our own modules that the list does not have."""
        room = _modules(graph, self.modules, as_packages=True) & graph.modules
        allowed = _modules(graph, self.allowed, as_packages=False)
        for importer in room:
            for imported in graph.find_modules_directly_imported_by(importer) - room - allowed:
                if not graph.is_module_squashed(imported):
                    yield importer, imported

    def unknown_modules(self, graph: ImportGraph) -> list[str]:
        """Rooms that do not exist: misspelt, or not built yet."""
        return [
            f"No module matches {room}."
            for room in self.modules
            if not _modules(graph, [room], as_packages=False) & graph.modules
        ]


class LibraryHomesContract(_ListedImportsContract):
    """A library is imported at home alone: each of ``homes`` reads ``home -> library``."""

    type_name = "library_homes"
    homes = fields.ListField(subfield=fields.ImportExpressionField())

    def broken_by(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        """Imports of a library by a module that is none of its homes, nor below one."""
        for library in {home.imported.expression for home in self.homes} & graph.modules:
            at_home = [home.importer for home in self.homes if home.imported.expression == library]
            importers = graph.find_modules_that_directly_import(library)
            for importer in importers - _modules(graph, at_home, as_packages=True):
                yield importer, library

    def unknown_modules(self, graph: ImportGraph) -> list[str]:
        """Homes that do not exist."""
        return [
            f"No module matches {home.importer}."
            for home in self.homes
            if not _modules(graph, [home.importer], as_packages=False) & graph.modules
        ]


def _modules(
    graph: ImportGraph, expressions: Collection[ModuleExpression], *, as_packages: bool
) -> set[str]:
    known = [
        each
        for each in expressions
        if each.has_wildcard_expression() or each.expression in graph.modules
    ]
    found = helpers.module_expressions_to_modules(graph, known, as_packages=as_packages)
    return {module.name for module in found}


def _lines(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    return ", ".join(str(detail["line_number"]) for detail in details)
