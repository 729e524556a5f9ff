"""What a call finds and does not take: by type and count, and what systems keep in folders for themselves."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Reason = tuple[str, str]  # what one such file or folder is called, and why it is skipped

MOST_TYPES = 50  # in `--json`; a folder may hold as many endings as files

# Folders, in lower case, that hold thumbnails, indexes, deleted files or snapshots of the pictures around them.
_SYSTEM_FOLDERS = (
    # Synology DSM: indexes and thumbnails, recycle bin, snapshots, work in progress
    "@eadir", "#recycle", "#snapshot", "@tmp", "@sharesnap", "@synologydrive",
    # QNAP QTS: thumbnails, recycle bin, snapshots, uploads
    ".@__thumb", "@recycle", "@recently-snapshot", ".@__qini", ".@upload_cache", "@recycle_bin",
    # Samba (vfs_recycle), Buffalo, NetApp, ZFS, snapper: recycle bins and snapshots
    ".recycle", "trashbox", ".snapshot", "~snapshot", ".snapshots", ".zfs",
    # Windows: recycle bins of NTFS, of FAT, and of versions before Vista; restore points
    "$recycle.bin", "recycled", "recycler", "system volume information",
    # macOS, on its own and on foreign volumes (the list of Syncthing, lib/ignore; eclecticlight.co, 2021-12-09)
    ".trashes", ".trash", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100", ".temporaryitems",
    "network trash folder", "temporary items", ".appledouble", ".appledb", ".appledesktop", "__macosx",
    # Linux: trash on other volumes (freedesktop.org Trash specification 1.0) and what fsck has found
    ".trash-*", "lost+found",
    # Thumbnails of desktops before 2012, and of Android
    ".thumbnails", ".thumbs",
    # Earlier versions and deleted files of Syncthing, Resilio Sync, Dropbox
    ".stversions", ".sync", ".dropbox.cache",
)  # fmt: skip


def is_system_folder(name: str) -> bool:
    """Tell whether a folder of this name belongs to a NAS or an operating system, whatever lies in it."""
    return any(fnmatchcase(name.lower(), each) for each in _SYSTEM_FOLDERS)


def is_apple_double(name: str) -> bool:
    """Tell whether a file of this name holds what macOS keeps beside another one on foreign volumes (RFC 1740)."""
    return name.startswith("._")


@dataclass
class PassedOver:
    """Files and folders that were found and not taken, by the reason."""

    strangers: list[Path] = field(default_factory=list)  # files of types that are not read
    system: list[Path] = field(default_factory=list)  # of a NAS or an operating system
    earlier: list[Path] = field(default_factory=list)  # outputs of earlier calls, lying beside their inputs
    unvisited: list[Path] = field(default_factory=list)  # subfolders, without `recursive`
    linked: list[Path] = field(default_factory=list)  # subfolders that are links, which may lead in circles

    def reasons(self) -> list[tuple[Reason, list[Path]]]:
        """Return what was passed over, by the reason in words."""
        reasons = {
            ("file", "not in a picture format"): self.strangers,
            ("item", "kept by a NAS or the system"): self.system,
            **dict(self.by_choice()),
        }
        return [(reason, paths) for reason, paths in reasons.items() if paths]

    def by_choice(self) -> list[tuple[Reason, list[Path]]]:
        """Return what another call would take, by the reason in words."""
        reasons = {
            ("file", "made by an earlier call"): self.earlier,
            ("subfolder", "use -r to look into subfolders"): self.unvisited,
            ("linked subfolder", "name it to look into it"): self.linked,
        }
        return [(reason, paths) for reason, paths in reasons.items() if paths]

    def types(self) -> dict[str, int]:
        """Return how many files of each type were passed over, the most frequent first; "" has no ending, and is last.

        A type is an ending in lower case; what only looks like one, as in `Dr. Who`, is none.
        """
        counts = Counter(_ending(path) for path in self.strangers)
        return dict(sorted(counts.items(), key=lambda each: (not each[0], -each[1], each[0])))

    def add(self, other: PassedOver) -> None:
        """Count what was passed over elsewhere too."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine.extend(theirs)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values, for the last line of `--json`."""
        types = self.types()
        listed = dict(list(types.items())[:MOST_TYPES])
        return {
            "types": listed,
            "other_types": sum(types.values()) - sum(listed.values()),
            "system": len(self.system),
            "earlier_outputs": len(self.earlier),
            "subfolders": len(self.unvisited),
            "linked_subfolders": len(self.linked),
        }


def _ending(path: Path) -> str:
    return path.suffix.lower() if re.fullmatch(r"\.[^\W_][\w+~-]{0,15}", path.suffix) else ""
