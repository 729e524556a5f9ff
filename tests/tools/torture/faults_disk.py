"""Faults of the disk and of those who share it: full, read-only, inputs that go or change, two processes at once."""

from __future__ import annotations

import os
import shutil
import time

from PIL import Image

from tests.tools.torture.bench import MEANWHILE, NAMES, Bench
from tests.tools.torture.command import finish, start
from tests.tools.torture.kills import contents, pictures, resume_option


def file_size_limit(bench: Bench) -> str:
    """An output that passes the limit of the system fails with the reason; smaller ones are done; no part stays."""
    sizes = {name: len(data) for name, data in bench.reference().items()}
    limit = (max(sizes.values()) + sorted(sizes.values())[-2]) // 2
    prelude = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    ended = bench.upscale(prelude=prelude)
    bench.expect_code(ended, 3)
    bench.expect_status(ended, a="done", b="failed", c="done")
    bench.expect_said(ended, "too large", "space")
    bench.expect_whole(missing=("b_x2.png",))
    return "the file fails with the reason, others are done"


def full_disk(bench: Bench) -> str:
    """Outputs that find no space fail with the reason, no part stays; with space again the job goes on to the end."""
    bench.mount(bench.out, "size=32k")
    ended = bench.upscale()
    bench.expect_code(ended, 1, 3)
    bench.expect(ended.outcomes["b.png"]["status"] == "failed", "the large picture found place on a full disk")
    bench.expect_said(ended, "no space", "space")
    bench.expect_whole(missing=("a_x2.png", "b_x2.png", "c_x2.png"))
    bench.remount(bench.out, "size=4m")
    again = bench.upscale(resume_option())
    bench.expect_code(again, 0)
    bench.expect_whole()
    return "files fail with the reason; finished when there is space"


def full_disk_keeps_old(bench: Bench) -> str:
    """A disk that fills while an output is replaced leaves the old one."""
    bench.mount(bench.out, "size=32k")
    old = (bench.source / "a.png").read_bytes()
    (bench.out / "b_x2.png").write_bytes(old)
    ended = bench.upscale("--overwrite")
    bench.expect_code(ended, 1, 3)
    bench.expect((bench.out / "b_x2.png").read_bytes() == old, "the old file is gone or changed")
    bench.expect(not [name for name in contents(bench.out) if name.endswith(".part")], "a part was left behind")
    return "the old file stays, the new one fails with the reason"


def read_only(bench: Bench) -> str:
    """A folder that may not be written to is told before anything is computed."""
    if os.geteuid() == 0:  # whom permissions do not stop
        bench.mount(bench.out, "size=1m,ro")
    else:
        bench.out.mkdir(parents=True)
        bench.out.chmod(0o555)
    ended = bench.upscale()
    bench.expect_code(ended, 1)
    bench.expect_status(ended, a="failed", b="failed", c="failed")
    bench.expect_said(ended, "not writable", "read-only")
    bench.expect("enlarging" not in ended.stderr, "computed all the same")
    bench.expect(all(outcome["seconds"] == 0 for outcome in ended.outcomes.values()), "computed all the same")
    return "told before any computing"


def vanished(bench: Bench) -> str:
    """An input that goes between plan and run fails by name, others are done."""
    victim = bench.source / "b.png"
    ended = bench.upscale(prelude=f"{MEANWHILE}\ndef meanwhile():\n    import os; os.unlink({str(victim)!r})")
    bench.expect_code(ended, 3)
    bench.expect_status(ended, a="done", b="failed", c="done")
    bench.expect_said(ended, "does not exist")
    victim.write_bytes(b"")  # for the reference
    shutil.rmtree(bench.source)
    bench.expect_whole(missing=("b_x2.png",))
    return "the file fails with the reason, others are done"


def changed(bench: Bench) -> str:
    """An input that becomes another picture between plan and run is enlarged as what it is, or fails: never a mix."""
    new = bench.folder / "new.png"
    with Image.open(bench.source / "b.png") as image:
        image.resize((50, 70)).transpose(Image.Transpose.ROTATE_90).save(new)
    victim = bench.source / "b.png"
    prelude = f"{MEANWHILE}\ndef meanwhile():\n    import os; os.replace({str(new)!r}, {str(victim)!r})"
    ended = bench.upscale(prelude=prelude)
    bench.expect_code(ended, 0, 3)
    if ended.outcomes["b.png"]["status"] == "done":
        bench.expect_whole()  # the reference is made only now, from the new picture
        again = bench.upscale(resume_option())  # it was planned as another one: to do it once more is the safe side
        bench.expect_status(again, a="skipped", b=again.outcomes["b.png"]["status"], c="skipped")
        bench.expect_whole()
        bench.expect_status(bench.upscale(resume_option()), a="skipped", b="skipped", c="skipped")
        return "the new picture is enlarged; the next call does it once more, then it is known as done"
    bench.expect_whole(missing=("b_x2.png",))
    return "the file fails with the reason"


def changed_after(bench: Bench) -> str:
    """An input that changes after it was done is done again by --resume, and it alone."""
    if resume_option() != "--resume":
        bench.expect(False, "this version has no --resume: an output of an older input is kept for good")
        return "kept as it was"
    bench.upscale("--resume")
    stamps = {name: (bench.out / name).stat().st_mtime_ns for name in bench.reference()}
    shutil.rmtree(bench.folder / "calm")
    with Image.open(bench.source / "c.png") as image:
        stat = (bench.source / "c.png").stat()
        changed_pixels = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    changed_pixels.save(bench.source / "c.png")
    os.utime(bench.source / "c.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # its time tells nothing
    ended = bench.upscale("--resume")
    bench.expect_code(ended, 0)
    bench.expect_status(ended, a="skipped", b="skipped", c="done")
    bench.expect_whole()
    kept = [name for name in ("a_x2.png", "b_x2.png") if (bench.out / name).stat().st_mtime_ns == stamps[name]]
    bench.expect(len(kept) == 2, "unchanged files were written again")
    return "done again, and it alone"


def folder_removed(bench: Bench) -> str:
    """An output folder that is removed meanwhile is made again, or the files fail with the reason."""
    bench.out.mkdir(parents=True)
    ended = bench.upscale(prelude=f"{MEANWHILE}\ndef meanwhile():\n    import os; os.rmdir({str(bench.out)!r})")
    bench.expect_code(ended, 0, 1, 3)
    if ended.code == 0:
        bench.expect_whole()
        return "made again"
    return "files fail with the reason"


def two_processes(bench: Bench) -> str:
    """Two processes on one folder: every output is whole and right in the end, nothing is left over."""
    reference = bench.reference()
    for options in ((), ("--overwrite",), (resume_option(),)):
        shutil.rmtree(bench.out, ignore_errors=True)
        begun = time.monotonic()
        command = ("upscale", bench.source, "-o", bench.out, "--scale", 2, "--json", *options)
        ends = [bench.seen(finish(process, begun)) for process in (start(*command), start(*command))]
        for ended in ends:
            bench.expect(ended.code in (0, 1, 3), f"with {options}: {ended}")
            wrong = [o for o in ended.outcomes.values() if o["status"] == "failed" and not o["error"]["message"]]
            bench.expect(not wrong, f"failed without a reason: {wrong}")
        done = {name for ended in ends for name, o in ended.outcomes.items() if o["status"] in ("done", "skipped")}
        waited = all(ended.code == 1 and not ended.outcomes for ended in ends)
        bench.expect(done == set(NAMES) and not waited, f"with {options}: only {sorted(done)} were done")
        there = contents(bench.out)
        bench.expect(pictures(there) == reference, f"with {options}: the outputs are others")
        bench.expect(not [name for name in there if name.endswith(".part")], f"with {options}: parts were left")
    return "all outputs whole; who comes second skips, fails with the reason, or writes the same"
