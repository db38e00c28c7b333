// Every sentence of the page in both languages, and the switch between them.
//
// Whatever is written by `put` remembers its key, so that a switch rewrites the page as it stands,
// and loses no picture, no answer and no place.

const ENGLISH = {
  "page.title": "Sensorium",
  "page.skip": "Skip to the content",
  "page.language": "中文",
  "page.language.label": "切换到中文",
  "page.theme": "Light or dark",
  "page.tabs": "What the models can do",
  "page.loading": "Asking the server what it can do…",
  "page.no_models": "This server serves no model that the page can show.",
  "page.no_models.hint": "Its answers can be had at /v1, as /openapi.json describes.",
  "page.foot": "Answers come from the models on this server, and what you send stays there.",
  "page.api": "API description",

  "search.tab": "Search",
  "search.title": "Search by {media}",
  "search.lead": "All lie in one space: what is near to your query is found, whatever it is made of.",
  "search.by": "Search by",
  "search.find": "Find",
  "search.go": "Search",
  "search.words.placeholder": "Describe what you are looking for",
  "search.empty": "Nothing searched yet",
  "search.empty.hint": "Type some words, drop a file, or try one of the examples.",
  "search.found": "{n} found, the nearest first",
  "search.none": "Nothing found.",
  "search.like_this": "More like this",
  "search.score": "Similarity {score}",
  "search.query": "Query",

  "ask.tab": "Ask",
  "ask.title": "Ask about what is seen and heard",
  "ask.lead": "Give {media}, and a question in your own words.",
  "ask.go": "Ask",
  "ask.text": "Question",
  "ask.text.placeholder": "How many things are red?",

  "detect.tab": "Detect",
  "detect.title": "Find things in a picture",
  "detect.lead": "Each thing that the model knows gets a box, its name, and how sure the model is.",
  "detect.go": "Detect",

  "locate.tab": "Locate",
  "locate.title": "Locate what words say",
  "locate.lead": "Give a picture and a few words: the model draws a box around what they mean.",
  "locate.go": "Locate",
  "locate.text": "What to locate",
  "locate.text.placeholder": "the red thing on the left",

  "classify.tab": "Classify",
  "classify.title": "Say what it is",
  "classify.lead": "Give {media}; the model chooses among what it has learned.",
  "classify.go": "Classify",
  "classify.text": "Words",
  "classify.text.placeholder": "Words that belong to it, if there are any",

  "describe.tab": "Describe",
  "describe.title": "Put it into words",
  "describe.lead": "Give {media}; the model writes what it sees and hears.",
  "describe.go": "Describe",

  "compare.tab": "Compare",
  "compare.title": "Do they belong together?",
  "compare.lead": "Give any two of {media}, and see how well they fit.",
  "compare.go": "Compare",
  "compare.text": "Words",
  "compare.text.placeholder": "Words to compare with",

  "input.model": "Model",
  "input.what": "What the model gets",
  "input.drop": "Drop {media} here",
  "input.choose": "or choose a file, or paste",
  "input.examples": "Examples",
  "input.remove": "Remove {what}",
  "input.no_preview": "This file has no preview here.",
  "input.explain": "Show what the answer rests on",
  "input.try": "Try this example: {what}",
  "input.wrong": "{name} does not look like {media}.",
  "media.play": "Play",
  "media.pause": "Pause",

  "modality.image": "picture",
  "modality.text": "words",
  "modality.audio": "sound",
  "modality.video": "clip",
  "modality.a.image": "a picture",
  "modality.a.text": "words",
  "modality.a.audio": "a sound",
  "modality.a.video": "a clip",
  "modality.many.image": "Pictures",
  "modality.many.text": "Texts",
  "modality.many.audio": "Sounds",
  "modality.many.video": "Clips",
  "modality.one.image": "Picture",
  "modality.one.text": "Words",
  "modality.one.audio": "Sound",
  "modality.one.video": "Clip",

  "answer.title": "Answer",
  "answer.empty": "No answer yet",
  "answer.empty.hint": "Give the model something, or try one of the examples.",
  "answer.waiting": "The model is at work…",
  "answer.nothing_found": "Nothing found that the model is sure enough of.",
  "answer.from": "Shown from {percent} on",
  "answer.more": "Show all {n}",
  "answer.none_of": "None of the classes is likely.",
  "answer.pair": "{one} and {other}",
  "answer.timing": "{model} in the model · {queue} in the queue · {all} in all",
  "answer.json": "The answer as JSON",
  "answer.rank": "Number {n}",

  "why.title": "What the answer rests on",
  "why.of": "Of which answer",
  "why.contrastive": "Similarity",
  "why.contrastive.pair": "Similarity: {pair}",
  "why.matching": "Whether they belong together",
  "why.matching.pair": "Whether they belong together: {pair}",
  "why.other": "{task}",
  "why.other.pair": "{task}: {pair}",
  "why.shares": "What each part adds",
  "why.for": "speaks for it",
  "why.against": "speaks against it",

  "problem.title.invalid_input": "This cannot be read",
  "problem.title.unsupported_media_type": "This kind of file does not fit here",
  "problem.title.too_large": "This is too large",
  "problem.title.overloaded": "The server is busy",
  "problem.title.unavailable": "The server is about to end",
  "problem.title.deadline_exceeded": "This took too long",
  "problem.title.timeout": "This took too long",
  "problem.title.network": "The server does not answer",
  "problem.title.internal": "The server failed",
  "problem.title.other": "This did not work",
  "problem.hint.invalid_input": "Is the file whole, and what its name says? Try another one.",
  "problem.hint.network": "Is it still running? Nothing that you gave is lost: try again.",
  "problem.hint.too_large": "This server takes up to {megabytes} MB at a time.",
  "problem.hint.deadline_exceeded": "A smaller file may help; or try again when less is going on.",
  "problem.hint.internal": "Its log tells more, under the request {id}.",
  "problem.retry_in": "Trying again in {n} s",
  "problem.retry": "Try again",

  "token.title": "This server asks for a token",
  "token.wrong": "That was not the right one.",
  "token.label": "Token",
  "token.go": "Continue",
  "token.hint": "Whoever started it has it. It is kept until you close this tab.",
};

const CHINESE = {
  "page.title": "Sensorium",
  "page.skip": "跳到正文",
  "page.language": "English",
  "page.language.label": "Switch to English",
  "page.theme": "浅色或深色",
  "page.tabs": "模型会做什么",
  "page.loading": "正在询问服务器会做什么……",
  "page.no_models": "这个服务器上没有本页能展示的模型。",
  "page.no_models.hint": "仍可通过 /v1 调用，说明见 /openapi.json。",
  "page.foot": "回答来自这台服务器上的模型，您发送的内容不会离开它。",
  "page.api": "接口说明",

  "search.tab": "搜索",
  "search.title": "用{media}搜索",
  "search.lead": "它们都在同一个空间里：与查询相近的就会被找到，不论是什么形式。",
  "search.by": "用什么搜索",
  "search.find": "查找",
  "search.go": "搜索",
  "search.words.placeholder": "描述您要找的内容",
  "search.empty": "还没有搜索",
  "search.empty.hint": "输入几个词，拖入一个文件，或者试试下面的例子。",
  "search.found": "找到 {n} 个，最相近的在前",
  "search.none": "什么也没有找到。",
  "search.like_this": "找相似的",
  "search.score": "相似度 {score}",
  "search.query": "查询",

  "ask.tab": "提问",
  "ask.title": "就看到和听到的提问",
  "ask.lead": "给出{media}，再用自己的话提一个问题。",
  "ask.go": "提问",
  "ask.text": "问题",
  "ask.text.placeholder": "例如：How many things are red?",

  "detect.tab": "检测",
  "detect.title": "找出图片里的东西",
  "detect.lead": "模型认识的每样东西都会得到一个框、它的名称和把握的大小。",
  "detect.go": "检测",

  "locate.tab": "定位",
  "locate.title": "按文字定位",
  "locate.lead": "给出一张图片和几个词，模型会框出它们所指的东西。",
  "locate.go": "定位",
  "locate.text": "要定位什么",
  "locate.text.placeholder": "例如：the red thing on the left",

  "classify.tab": "分类",
  "classify.title": "这是什么",
  "classify.lead": "给出{media}，模型会在它学过的类别中选择。",
  "classify.go": "分类",
  "classify.text": "文字",
  "classify.text.placeholder": "与之相关的文字，可以不填",

  "describe.tab": "描述",
  "describe.title": "用文字描述",
  "describe.lead": "给出{media}，模型会写出它看到和听到的。",
  "describe.go": "描述",

  "compare.tab": "比较",
  "compare.title": "它们相配吗？",
  "compare.lead": "给出{media}中的任意两样，看看它们有多相配。",
  "compare.go": "比较",
  "compare.text": "文字",
  "compare.text.placeholder": "要比较的文字",

  "input.model": "模型",
  "input.what": "交给模型的内容",
  "input.drop": "把{media}拖到这里",
  "input.choose": "或者选择文件，或者粘贴",
  "input.examples": "例子",
  "input.remove": "移除{what}",
  "input.no_preview": "此文件在这里无法预览。",
  "input.explain": "显示回答的依据",
  "input.try": "试试这个例子：{what}",
  "input.wrong": "{name} 看起来不是{media}。",
  "media.play": "播放",
  "media.pause": "暂停",

  "modality.image": "图片",
  "modality.text": "文字",
  "modality.audio": "声音",
  "modality.video": "短片",
  "modality.a.image": "图片",
  "modality.a.text": "文字",
  "modality.a.audio": "声音",
  "modality.a.video": "短片",
  "modality.many.image": "图片",
  "modality.many.text": "文字",
  "modality.many.audio": "声音",
  "modality.many.video": "短片",
  "modality.one.image": "图片",
  "modality.one.text": "文字",
  "modality.one.audio": "声音",
  "modality.one.video": "短片",

  "answer.title": "回答",
  "answer.empty": "还没有回答",
  "answer.empty.hint": "给模型一些内容，或者试试下面的例子。",
  "answer.waiting": "模型正在计算……",
  "answer.nothing_found": "没有找到模型足够有把握的东西。",
  "answer.from": "显示把握不低于 {percent} 的",
  "answer.more": "全部 {n} 个",
  "answer.none_of": "没有一个类别是可能的。",
  "answer.pair": "{one}与{other}",
  "answer.timing": "模型 {model} · 排队 {queue} · 总共 {all}",
  "answer.json": "JSON 形式的回答",
  "answer.rank": "第 {n} 个",

  "why.title": "回答的依据",
  "why.of": "哪个回答的依据",
  "why.contrastive": "相似度",
  "why.contrastive.pair": "相似度：{pair}",
  "why.matching": "是否相配",
  "why.matching.pair": "是否相配：{pair}",
  "why.other": "{task}",
  "why.other.pair": "{task}：{pair}",
  "why.shares": "各部分的贡献",
  "why.for": "支持",
  "why.against": "反对",

  "problem.title.invalid_input": "无法读取",
  "problem.title.unsupported_media_type": "这里不能用这种文件",
  "problem.title.too_large": "太大了",
  "problem.title.overloaded": "服务器正忙",
  "problem.title.unavailable": "服务器即将关闭",
  "problem.title.deadline_exceeded": "用时太长",
  "problem.title.timeout": "用时太长",
  "problem.title.network": "服务器没有应答",
  "problem.title.internal": "服务器出错了",
  "problem.title.other": "没有成功",
  "problem.hint.invalid_input": "文件完整吗？内容与扩展名相符吗？请换一个试试。",
  "problem.hint.network": "它还在运行吗？您给出的内容都还在，可以再试一次。",
  "problem.hint.too_large": "这个服务器一次最多接受 {megabytes} MB。",
  "problem.hint.deadline_exceeded": "小一些的文件也许可以；或者等空闲时再试。",
  "problem.hint.internal": "日志里有详细信息，请求编号为 {id}。",
  "problem.retry_in": "{n} 秒后重试",
  "problem.retry": "再试一次",

  "token.title": "这个服务器需要令牌",
  "token.wrong": "令牌不正确。",
  "token.label": "令牌",
  "token.go": "继续",
  "token.hint": "启动服务器的人有令牌。它会保留到您关闭此标签页。",
};

const TABLES = { en: ENGLISH, "zh-CN": CHINESE };

/** The language that is shown: a key of `TABLES`. */
export const language = () => document.documentElement.lang;

/** Whether there is such a sentence. */
export const known = (key) => key in ENGLISH;

/**
 * A sentence.
 *
 * @param {string} key of the tables.
 * @param {object} values for its braces: plain ones, `{word: key}`, or a list of these.
 */
export function say(key, values = {}) {
  const sentence = TABLES[language()][key] ?? ENGLISH[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => said(values[name]));
}

/** A number, as the language writes it. */
export const figure = (number, digits = 2) =>
  new Intl.NumberFormat(language(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(number);

function said(value) {
  if (Array.isArray(value)) {
    return new Intl.ListFormat(language(), { type: "disjunction" }).format(value.map(said));
  }
  return value?.word ? say(value.word, value.with) : String(value ?? "");
}

const PLACES = { words: "textContent", label: "ariaLabel", placeholder: "placeholder", title: "title" };

/**
 * Write a sentence into an element, for good: a switch of the language writes it anew.
 *
 * @param {HTMLElement} element
 * @param {string} key of the tables.
 * @param {object} values for its braces.
 * @param {"words"|"label"|"placeholder"|"title"} place where it goes.
 */
export function put(element, key, values = {}, place = "words") {
  element.dataset[place] = key;
  element.dataset[`${place}Values`] = JSON.stringify(values);
  element[PLACES[place]] = say(key, values);
  return element;
}

/** Write all that has a key, below an element, in the language that is shown. */
export function rewrite(root = document) {
  for (const place of Object.keys(PLACES)) {
    for (const element of root.querySelectorAll(`[data-${place}]`)) {
      const values = JSON.parse(element.dataset[`${place}Values`] ?? "{}");
      put(element, element.dataset[place], values, place);
    }
  }
}

/** Show the other language. */
export function switchLanguage() {
  document.documentElement.lang = language() === "en" ? "zh-CN" : "en";
  rewrite();
  return language();
}

/** All sentences of each language. */
export const tables = () => Object.values(TABLES);
