"""The hosts of the lab without its daemons: sockets stand in for them, the edges' rules are the rendered ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.deployment import read
from callseal.lab.firewalls import load_firewalls
from callseal.lab.hosts import Hosts
from callseal.lab.workspace import Workspace
from callseal.render import render
from tests.integration.firewall.wire import Guarded


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    hosts = Hosts()
    workspace = Workspace(tmp_path_factory.mktemp("firewall"), hosts)
    workspace.prepare()
    deployment = read(workspace.deployment)
    hosts.open(workspace.root)
    try:
        for edge in deployment.edges:
            render(deployment, edge.id, workspace.directory(edge.id))
        directories = {edge.id: workspace.directory(edge.id) for edge in deployment.edges}
        load_firewalls(workspace, deployment, directories)
        directories["desk"] = workspace.root / "firewalls" / "desk"
        files = {host: directory / "firewall.nft" for host, directory in directories.items()}
        yield Guarded(hosts, files)
    finally:
        hosts.close()
