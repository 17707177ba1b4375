"""What a worker at a station reads, in Chinese and English: the one source of these texts."""

SENTENCES = {
    # What a slot is doing.
    "connect": ("连接中", "connecting"),
    "identify": ("识别中", "reading its identity"),
    "wait": ("等待其他槽位", "waiting for the others"),
    "write": ("写入中", "writing"),
    "verify": ("校验中", "verifying"),
    # Why it failed, and what to do.
    "nothing": (
        "没有找到设备：检查 USB 线，或用 --port 指定端口。",
        "No unit is plugged in: check the cables, or name a port with --port.",
    ),
    "no_port": (
        "找不到端口 {port}：检查 USB 线，用 --all 列出所有设备。",
        "There is no port {port}: check the cable, or let --all find what is plugged in.",
    ),
    "busy": (
        "端口 {port} 被占用或没有权限：关闭占用它的程序，或把用户加入 dialout 组。",
        "The port {port} is in use or not yours to open: close the program that holds it, or add "
        "the user to the group dialout.",
    ),
    "mute": (
        "芯片没有回应：检查供电和接触，按住 BOOT 再试。",
        "The chip does not answer: check its power and the contacts, or hold BOOT and try again.",
    ),
    "wrong_chip": (
        "这是 {found}，安装包是给 {wanted} 的：换对应的安装包。",
        "This is an {found} and the bundle is for the {wanted}: take the bundle made for it.",
    ),
    "same_mac": (
        "另一个槽位的芯片有相同的 MAC {mac}：两台都隔离，报告工程师。",
        "The chip in another slot has the same MAC {mac}: set both aside and tell the engineer.",
    ),
    "has_identity": (
        "此机已有序列号 {serial}，未改动：确要覆盖请加 --overwrite。",
        "This unit is {serial} already and was left as it is: --overwrite makes it another.",
    ),
    "not_ours": (
        "此机没有数据分区，更新会丢失数据：请用 xueyang flash。",
        "This unit's data lie beside its code, and an update would lose them: use xueyang flash.",
    ),
    "other_micropython": (
        "此机的 MicroPython 是 {found}，安装包需要 {wanted}：请用 xueyang flash。",
        "This unit has MicroPython {found} and the bundle needs {wanted}: use xueyang flash.",
    ),
    "pulled": (
        "写入时连接断开：检查 USB 线和接触，重新写入。",
        "The connection was lost on the way: check the cable and the contacts, and do it again.",
    ),
    "bad_flash": (
        "写入后校验不符，闪存损坏：报废或换芯片。",
        "What was written does not read back, the flash is damaged: scrap the unit or its module.",
    ),
    "noise": (
        "最低波特率 {baud} 也传输出错：换短线，检查接触。",
        "Even at {baud} baud the transfer fails: take a shorter cable, and check the contacts.",
    ),
    "late": (
        "超过 {seconds} 秒未完成：检查接触，重新写入。",
        "It was not done within {seconds} s: check the contacts, and flash it again.",
    ),
    "refused": (
        "没有可用的序列号：{error}",
        "There is no serial for it: {error}",
    ),
    "unexpected": (
        "程序出错：{error}。请把此信息交给工程师。",
        "The program failed: {error}. Give this to the engineer.",
    ),
    "skipped": (
        "这是 {found}，与安装包不符，未改动。",
        "This is an {found}, not what the bundle is for, and was left alone.",
    ),
    # Questions and results.
    "overwrite?": (
        "槽位 {slot} 已是 {serial}（批号 {lot}）。覆盖它？",
        "Slot {slot} is {serial} of lot {lot} already. Overwrite it?",
    ),
    "label?": (
        "{serial} 的标签第 {copy} 份打印出来了吗？",
        "Did copy {copy} of the label of {serial} come out of the printer?",
    ),
    "unsettled": (
        "不知道 {serial} 的标签第 {copy} 份是否已打印：请加 --settle printed 或 spoilt。",
        "Whether copy {copy} of the label of {serial} came out is not known: say --settle printed "
        "or spoilt.",
    ),
    "copy": ("第 {copy} 份", "copy {copy}"),
    "sample": (
        "缺少 {missing}：标签为样品，不带 UDI。",
        "Without {missing} the labels are those of samples, and carry no UDI.",
    ),
    "nobody": (
        "此机没有身份记录：请用 xueyang flash 写入。",
        "This unit does not say who it is: flash it with xueyang flash.",
    ),
    "signed": (
        "身份和校准由工站 {station} 签名，属实。",
        "Its identity and calibration were signed by station {station}, for this chip.",
    ),
    "unsigned": (
        "身份和校准没有已知工站的签名：不可信，报告工程师。",
        "No station that is known here signed its identity and calibration: do not trust them, "
        "and tell the engineer.",
    ),
    "other_chip": (
        "记录属于另一个芯片，本机 MAC 为 {mac}：不可信，报告工程师。",
        "What is recorded is of another chip than this, whose MAC is {mac}: do not trust it, and "
        "tell the engineer.",
    ),
    "passed": ("合格", "PASS"),
    "failed": ("不合格", "FAIL"),
    "left": ("跳过", "LEFT"),
}


def say(key: str, **values: object) -> str:
    """A sentence in both languages: 中文 / English."""
    return " / ".join(text.format(**values) for text in SENTENCES[key])
